import { PAGE, readPage, type Where } from './chat-pages.js'
import { ReadMark } from './chat-read.js'
import { chatStore } from './chat-store.js'
import { ChatStream } from './chat-stream.js'
import { OthersTyping, OwnTyping } from './chat-typing.js'
import { ChatView } from './chat-view.js'
import { ChatWrites } from './chat-writes.js'
import { LINGER, type Core } from './core.js'
import { asError } from './errors.js'
import * as ops from './generated.js'
import type { ChatFieldsFragment, MessageFieldsFragment } from './generated.js'
import { chatReducer, emptyChat, type ChatInput, type ChatState, type Entry } from './rules.js'
import { Value } from './store.js'
import { paced, uuid } from './time.js'
import type { ChatMessage, ChatSnapshot, ChatStore, ChatStreamEvent } from './types.js'

/** An open chat: its window of messages, kept by its own stream. */
export class Chat {
  readonly store: ChatStore
  readonly #value: Value<ChatSnapshot>
  #state: ChatState = emptyChat
  #watched = false
  #opened = false // there is an answer, and a cursor to go on from
  #waiting = false // for the chat to be started
  #generation = 0
  #linger: ReturnType<typeof setTimeout> | undefined
  readonly #pace = paced(() => this.show(), 16)

  readonly #core: Core
  readonly #view = new ChatView()
  readonly #writes: ChatWrites
  readonly #readMark: ReadMark
  readonly #stream: ChatStream
  readonly #ownTyping = new OwnTyping(typing => this.#sayTyping(typing))
  readonly #othersTyping = new OthersTyping(userId => this.#dispatch({ type: 'typingExpired', userId }))

  constructor(readonly id: string, core: Core) {
    this.#core = core
    this.#writes = new ChatWrites(core, id)
    this.#readMark = new ReadMark(core, id, () => !this.#state.gone)
    this.#stream = new ChatStream(core, id, {
      event: event => this.#take(event),
      reset: () => { this.#stop(); void this.#load() },
      completed: () => { if (!this.#state.gone) void this.#load() },
      gone: () => this.#dispatch({ type: 'gone' }),
      failed: error => this.#value.patch({ error }),
      presenceExpired: () => this.#dispatch({ type: 'presenceExpired' }),
      watched: () => this.#watched,
    })
    this.#value = new Value<ChatSnapshot>({
      id, chat: null, messages: [], members: [], isLoading: true, isLoadingOlder: false, isLoadingNewer: false, error: null,
      gone: false, hasOlder: false, hasNewer: false, readSeq: 0,
    }, watched => this.#watch(watched))
    this.store = chatStore(core, id, {
      snapshot: this.#value, writes: this.#writes, typing: this.#ownTyping,
      page: (where, around) => this.#page(where, around),
      send: (content, options) => this.#send(content, options),
      markRead: seq => this.#markRead(seq),
      reload: () => { this.#stop(); void this.#load() },
      take: input => { if (this.#opened || input.type !== 'member') this.#dispatch(input) },
    })
    this.show()
  }

  /** An answer shows the chat. */
  tell(chat: ChatFieldsFragment): void {
    if (this.#opened) this.#dispatch({ type: 'chat', chat })
  }

  gone(): void {
    this.#stop()
    this.#dispatch({ type: 'gone' })
  }

  /** A message of this client has its place: it is shown there, before the outbox forgets it. */
  messageSent(entry: Entry): void {
    if (!this.#opened || !this.#core.outbox.of(this.id).some(e => e.job.id === entry.node.id)) return
    this.#view.sent(entry.node.id)
    this.#dispatch({ type: 'sent', entry })
  }

  messageChanged(message: MessageFieldsFragment): void {
    this.#dispatch({ type: 'changed', message })
  }

  memberAdded(member: ops.MemberFieldsFragment): void {
    if (this.#opened) this.#dispatch({ type: 'member', member })
  }

  close(): void {
    this.#stop()
    this.#state = emptyChat
    this.#opened = false
    this.show()
  }

  // ---- what a page may do ----

  #send(content: string, { id = uuid(), replyTo }: { id?: string; replyTo?: ChatMessage | null } = {}): string {
    this.#core.start()
    this.#ownTyping.end({ silently: true }) // the message says it
    if (this.#state.hasNewer) void this.#page('latest').catch(() => {})
    this.#writes.send(id, content, replyTo)
    return id
  }

  #sayTyping(typing: boolean): void {
    if (this.#opened && !this.#state.gone) this.#core.request(ops.SetTyping, { input: { chatId: this.id, typing } }).catch(() => {})
  }

  #markRead(seq?: number): void {
    const newest = this.#state.entries.at(-1)?.node.seq ?? 0
    const target = seq ?? newest
    if (target >= newest) this.#dispatch({ type: 'atLatest' })
    const { chat } = this.#state
    if (!chat || target <= Math.max(this.#readMark.seq, chat.viewerState.readSeq)) return
    const all = target >= newest && !this.#state.hasNewer
    const read = { ...chat, viewerState: { ...chat.viewerState, readSeq: target, unreadCount: all ? 0 : chat.viewerState.unreadCount } }
    this.#dispatch({ type: 'chat', chat: read })
    this.#core.readHere(this.id, target, all)
    this.#readMark.set(target)
  }

  // ---- reading ----

  #watch(watched: boolean): void {
    this.#watched = watched
    clearTimeout(this.#linger)
    if (watched) {
      this.#core.start()
      if (!this.#opened) void this.#load()
      else if (!this.#stream.runs && !this.#state.gone) this.#stream.follow()
    } else {
      this.#ownTyping.end()
      this.#linger = setTimeout(() => { this.#stop(); this.#core.retired(this) }, LINGER)
    }
  }

  #waitsToStart(): boolean {
    return this.#core.outbox.of(this.id).some(e => e.job.kind === 'createChat')
  }

  async #load(again = false): Promise<void> {
    if (this.#waitsToStart()) {
      this.#waiting = true // until the outbox has no such job any more
      return this.#value.patch({ isLoading: false })
    }
    const generation = ++this.#generation
    const current = () => generation === this.#generation
    this.#value.patch({ isLoading: true })
    try {
      const { chat } = await this.#core.persist(() => this.#core.request(ops.OpenChat, { id: this.id, last: PAGE }), {
        alive: () => current() && this.#watched, failed: error => { if (current()) this.#value.patch({ error: asError(error) }) },
      })
      if (!current()) return
      this.#opened = true
      this.#readMark.forget()
      this.#stream.standAt(chat!.messages.eventCursor)
      this.#value.patch({ isLoading: false, error: null })
      this.#dispatch({ type: 'open', chat: chat!, members: chat!.members, online: chat!.online, page: chat!.messages })
      this.#core.tellChat(chat!)
      if (this.#watched) this.#stream.follow()
    } catch (thrown) {
      if (!current()) return
      const error = asError(thrown)
      if (error.code !== 'NOT_FOUND') return this.#value.patch({ isLoading: false, error })
      // The outbox may have been read only now, or the chat have been started while the question was under way.
      if (this.#waitsToStart() || (!again && this.#core.outbox.has(this.id))) return this.#load(true)
      this.#value.patch({ isLoading: false, error })
      this.#dispatch({ type: 'gone' })
    }
  }

  async #page(where: Where, around?: string): Promise<void> {
    const { isLoadingOlder, isLoadingNewer } = this.#value.getSnapshot()
    const { entries, hasOlder, hasNewer } = this.#state
    if (!this.#opened || (where === 'older' && (isLoadingOlder || !hasOlder)) || (where === 'newer' && (isLoadingNewer || !hasNewer))) return
    const busy = where === 'older' ? 'isLoadingOlder' : 'isLoadingNewer'
    // A page beside the window is of no use once the window is another one.
    const generation = where === 'older' || where === 'newer' ? this.#generation : ++this.#generation
    this.#value.patch({ [busy]: true })
    try {
      const { page, seq } = await readPage(this.#core, this.id, where, entries, around)
      if (generation !== this.#generation) return
      this.#dispatch({ type: 'page', where, page, seq })
      this.#value.patch({ error: null })
    } catch (error) {
      if (where === 'around' || where === 'latest') throw error
      this.#value.patch({ error: asError(error) })
    } finally {
      this.#value.patch({ [busy]: false })
    }
  }

  // ---- the stream ----

  #take(event: ChatStreamEvent): void {
    if (event.__typename === 'TypingChanged') this.#othersTyping.heard(event.user.id, event.typing)
    if (event.__typename === 'MessageSent') this.#othersTyping.heard(event.actor.id, false)
    this.#state = chatReducer(this.#state, { type: 'event', event, viewerId: this.#core.viewer.getSnapshot()?.id }, this.#core.windowSize)
    if (event.__typename === 'MessageSent') {
      if (this.#core.outbox.of(this.id).some(e => e.job.id === event.messageEdge.node.id)) this.#view.sent(event.messageEdge.node.id)
      this.#core.outbox.confirm(event.messageEdge.node.id)
    }
    this.#pace()
  }

  #stop(): void {
    this.#stream.stop()
    this.#ownTyping.stop()
    this.#othersTyping.stop()
    if (this.#state.typing.size > 0) this.#state = { ...this.#state, typing: new Set() }
  }

  /** Forgets the messages: nobody has looked at the chat for long. */
  drop(): void {
    if (this.#watched) return
    this.close()
    this.#value.patch({ isLoading: true })
  }

  // ---- showing ----

  #dispatch(input: ChatInput): void {
    this.#state = chatReducer(this.#state, input, this.#core.windowSize)
    this.show()
  }

  readonly show = (): void => {
    const waits = !this.#opened && this.#waitsToStart()
    if (waits && !this.#waiting) { // the outbox has been read
      this.#waiting = true
      this.#generation++
      this.#value.patch({ isLoading: false, error: null })
    } else if (!waits && this.#waiting) {
      this.#waiting = false
      if (this.#watched) void this.#load()
    }
    const { chat, members, messages } = this.#shown()
    this.#value.patch({
      chat, messages, members, gone: this.#state.gone, hasOlder: this.#state.hasOlder, hasNewer: this.#state.hasNewer,
      readSeq: this.#state.chat?.viewerState.readSeq ?? 0,
    })
  }

  #shown() {
    const state = this.#state, sending = this.#core.outbox.of(this.id), viewer = this.#core.viewer.getSnapshot()
    return { chat: this.#view.chat(state, sending, viewer), messages: this.#view.messages(state, sending, viewer), members: this.#view.members(state) }
  }
}
