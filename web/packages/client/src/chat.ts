import { localChat, NOBODY } from './chats.js'
import { LINGER, type Core } from './core.js'
import { asError, StudychatError } from './errors.js'
import * as ops from './generated.js'
import type { ChatFieldsFragment, MessageFieldsFragment } from './generated.js'
import { errorOf, stateOf, type Entry as Sending } from './outbox.js'
import { chatReducer, emptyChat, type ChatInput, type ChatState, type Entry } from './rules.js'
import { same } from './same.js'
import { Value } from './store.js'
import { paced, uuid } from './time.js'
import type { ChatInfo, ChatMember, ChatMessage, ChatSnapshot, ChatStore, ChatStreamEvent } from './types.js'

const PAGE = 50
// Who types is shown for so long after the last word of it; who is online, for so long after the stream broke.
const TYPING = 6_000, PRESENCE = 10_000
// A viewer who types says so this often, and has stopped after this long.
const TYPING_EACH = 3_000, TYPING_IDLE = 5_000

/** An open chat: its window of messages, kept by its own stream. */
export class Chat {
  readonly store: ChatStore
  readonly #value: Value<ChatSnapshot>
  #state: ChatState = emptyChat
  #watched = false
  #opened = false // there is an answer, and a cursor to go on from
  #waiting = false // for the chat to be started
  #generation = 0
  #cursor: string | null = null
  #stopStream: (() => void) | null = null
  #linger: ReturnType<typeof setTimeout> | undefined
  #presence: ReturnType<typeof setTimeout> | undefined
  readonly #typing = new Map<string, ReturnType<typeof setTimeout>>()
  readonly #sent = new Set<string>() // of this client: shown though the window does not reach them
  readonly #views = new Map<string, { node: MessageFieldsFragment; change: Sending | undefined; view: ChatMessage }>()
  readonly #own = new WeakMap<Sending, ChatMessage>()
  readonly #pace = paced(() => this.show(), 16)
  #readTo = 0
  #reading = false
  #typingSaid = -Infinity
  #typingIdle: ReturnType<typeof setTimeout> | undefined

  readonly #core: Core

  constructor(readonly id: string, core: Core) {
    this.#core = core
    this.#value = new Value<ChatSnapshot>({
      id, chat: null, messages: [], members: [], isLoading: true, isLoadingOlder: false, isLoadingNewer: false, error: null,
      gone: false, hasOlder: false, hasNewer: false, readSeq: 0,
    }, watched => this.#watch(watched))
    this.store = this.#createStore()
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
    this.#sent.add(entry.node.id)
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

  #createStore(): ChatStore {
    const core = this.#core, id = this.id
    return {
      id, subscribe: this.#value.subscribe, getSnapshot: this.#value.getSnapshot,
      loadOlder: () => this.#page('older'),
      loadNewer: () => this.#page('newer'),
      loadLatest: () => this.#page('latest'),
      loadAround: messageId => this.#page('around', messageId),
      send: (content, options) => this.#send(content, options),
      retry: messageId => core.outbox.retry(this.#jobOf(messageId)),
      discard: messageId => core.outbox.discard(this.#jobOf(messageId)),
      edit: (messageId, content) => this.#edit(messageId, content),
      remove: messageId => this.#remove(messageId),
      rename: title => core.renameChat(id, title),
      addMember: async (userId, { invite = false } = {}) => {
        const { addMember } = await core.request(ops.AddMember, { input: { chatId: id, userId, invite } })
        this.memberAdded(addMember!.member)
        core.tellChat(addMember!.chat)
      },
      removeMember: async userId => {
        const { removeMember } = await core.request(ops.RemoveMember, { input: { chatId: id, userId } })
        this.#dispatch({ type: 'memberGone', userId: removeMember!.removedUser.id })
        core.tellChat(removeMember!.chat)
      },
      transfer: async userId => {
        const { transferChat } = await core.request(ops.TransferChat, { input: { chatId: id, userId } })
        this.#dispatch({ type: 'transferred', chat: transferChat!.chat, userId })
        core.tellChat(transferChat!.chat)
      },
      setTyping: typing => this.#setTyping(typing),
      markRead: seq => this.#markRead(seq),
      updateViewerState: change => core.updateViewerState(id, change),
      deleteChat: () => core.removeChat(id, 'delete'),
      leaveChat: () => core.removeChat(id, 'leave'),
      reload: () => { this.#stop(); void this.#load() },
    }
  }

  #send(content: string, { id = uuid(), replyTo }: { id?: string; replyTo?: ChatMessage | null } = {}): string {
    this.#core.start()
    const quoted = replyTo && replyTo.seq !== null
      ? { id: replyTo.id, seq: replyTo.seq, content: replyTo.content, deletedAt: replyTo.deletedAt, author: replyTo.author }
      : replyTo ? { id: replyTo.id, seq: 0, content: replyTo.content, deletedAt: null, author: replyTo.author } : null
    this.#endTyping(false) // the message says it
    if (this.#state.hasNewer) void this.#page('latest').catch(() => {})
    this.#core.outbox.add({
      id, chatId: this.id, kind: 'sendMessage', text: content, replyTo: quoted, at: new Date(this.#core.now()).toISOString(),
    })
    return id
  }

  // jobOf finds what is to be sent for a message: the message itself, or its latest change.
  #jobOf(messageId: string): string {
    return this.#core.outbox.of(this.id).findLast(e => e.job.messageId === messageId)?.job.id ?? messageId
  }

  #edit(messageId: string, text: string): void {
    const { outbox } = this.#core
    const later = () => outbox.add({ id: uuid(), chatId: this.id, kind: 'editMessage', messageId, text, at: new Date(this.#core.now()).toISOString() })
    if (!outbox.rewrite(this.#jobOf(messageId), text, later)) later()
  }

  #remove(messageId: string): void {
    const { outbox } = this.#core
    const job = outbox.of(this.id).find(e => e.job.id === messageId)
    if (job && !job.sending && (job.job.attempts === 0 || job.job.state === 'failed')) {
      for (const e of outbox.of(this.id)) if (e.job.messageId === messageId) outbox.discard(e.job.id)
      return outbox.discard(messageId)
    }
    outbox.add({ id: uuid(), chatId: this.id, kind: 'deleteMessage', messageId, text: '', at: new Date(this.#core.now()).toISOString() })
  }

  #setTyping(typing: boolean): void {
    if (!typing) return this.#endTyping(true)
    clearTimeout(this.#typingIdle)
    this.#typingIdle = setTimeout(() => this.#endTyping(true), TYPING_IDLE)
    if (performance.now() - this.#typingSaid < TYPING_EACH) return
    this.#typingSaid = performance.now()
    this.#sayTyping(true)
  }

  #endTyping(say: boolean): void {
    clearTimeout(this.#typingIdle)
    if (this.#typingSaid === -Infinity) return
    this.#typingSaid = -Infinity
    if (say) this.#sayTyping(false)
  }

  #sayTyping(typing: boolean): void {
    if (this.#opened && !this.#state.gone) this.#core.request(ops.SetTyping, { input: { chatId: this.id, typing } }).catch(() => {})
  }

  #markRead(seq?: number): void {
    const newest = this.#state.entries.at(-1)?.node.seq ?? 0
    const target = seq ?? newest
    if (target >= newest) this.#dispatch({ type: 'atLatest' })
    const { chat } = this.#state
    if (!chat || target <= Math.max(this.#readTo, chat.viewerState.readSeq)) return
    this.#readTo = target
    const all = target >= newest && !this.#state.hasNewer
    const read = { ...chat, viewerState: { ...chat.viewerState, readSeq: target, unreadCount: all ? 0 : chat.viewerState.unreadCount } }
    this.#dispatch({ type: 'chat', chat: read })
    this.#core.readHere(this.id, target, all)
    void this.#sendRead()
  }

  async #sendRead(): Promise<void> {
    if (this.#reading) return
    this.#reading = true
    try {
      for (let said = 0; said < this.#readTo;) {
        const seq = said = this.#readTo
        const { markRead } = await this.#core.persist(() => this.#core.request(ops.MarkRead, { input: { chatId: this.id, seq } }), { alive: () => !this.#state.gone })
        if (seq === this.#readTo) this.#core.tellChat(markRead!.chat)
      }
    } catch { /* the chat is gone, or the mark is not valid: there is nothing to show */ } finally {
      this.#reading = false
    }
  }

  // ---- reading ----

  #watch(watched: boolean): void {
    this.#watched = watched
    clearTimeout(this.#linger)
    if (watched) {
      this.#core.start()
      if (!this.#opened) void this.#load()
      else if (!this.#stopStream && !this.#state.gone) this.#follow()
    } else {
      this.#endTyping(true)
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
      this.#readTo = 0
      this.#cursor = chat!.messages.eventCursor
      this.#value.patch({ isLoading: false, error: null })
      this.#dispatch({ type: 'open', chat: chat!, members: chat!.members, online: chat!.online, page: chat!.messages })
      this.#core.tellChat(chat!)
      if (this.#watched) this.#follow()
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

  async #page(where: 'older' | 'newer' | 'around' | 'latest', around?: string): Promise<void> {
    const { isLoadingOlder, isLoadingNewer } = this.#value.getSnapshot()
    const { entries, hasOlder, hasNewer } = this.#state
    if (!this.#opened || (where === 'older' && (isLoadingOlder || !hasOlder)) || (where === 'newer' && (isLoadingNewer || !hasNewer))) return
    const busy = where === 'older' ? 'isLoadingOlder' : 'isLoadingNewer'
    // A page beside the window is of no use once the window is another one.
    const generation = where === 'older' || where === 'newer' ? this.#generation : ++this.#generation
    this.#value.patch({ [busy]: true })
    try {
      const { chat } = await this.#core.request(ops.MessagesPage, {
        id: this.id,
        ...(where === 'older' && { last: PAGE, before: entries[0]?.cursor }),
        ...(where === 'newer' && { first: PAGE, after: entries.at(-1)?.cursor }),
        ...(where === 'around' && { first: PAGE, around }),
        ...(where === 'latest' && { last: PAGE }),
      })
      if (generation !== this.#generation) return
      this.#dispatch({ type: 'page', where, page: chat!.messages, seq: chat!.seq })
      this.#value.patch({ error: null })
    } catch (error) {
      if (where === 'around' || where === 'latest') throw error
      this.#value.patch({ error: asError(error) })
    } finally {
      this.#value.patch({ [busy]: false })
    }
  }

  // ---- the stream ----

  #follow(): void {
    this.#stopStream?.()
    this.#stopStream = this.#core.connection.open({
      query: ops.Follow,
      variables: () => ({ chatId: this.id, after: this.#cursor }),
      next: data => this.#take((data as ops.FollowSubscription).chatEvents),
      refused: error => this.#refused(error),
      complete: () => this.#completed(),
      cut: () => {
        clearTimeout(this.#presence)
        this.#presence = setTimeout(() => this.#dispatch({ type: 'presenceExpired' }), PRESENCE)
      },
    })
  }

  #take(event: ChatStreamEvent): void {
    this.#cursor = event.cursor
    switch (event.__typename) {
      case 'StreamReset':
        this.#stop()
        return void this.#load()
      case 'StreamStarted':
        clearTimeout(this.#presence)
        this.#core.setTime(event.at)
        break
      case 'TypingChanged': this.#expectTyping(event.user.id, event.typing); break
      case 'MessageSent': this.#expectTyping(event.actor.id, false)
    }
    this.#state = chatReducer(this.#state, { type: 'event', event, viewerId: this.#core.viewer.getSnapshot()?.id }, this.#core.windowSize)
    if (event.__typename === 'MessageSent') {
      if (this.#core.outbox.of(this.id).some(e => e.job.id === event.messageEdge.node.id)) this.#sent.add(event.messageEdge.node.id)
      this.#core.outbox.confirm(event.messageEdge.node.id)
    }
    this.#pace()
  }

  #expectTyping(userId: string, typing: boolean): void {
    clearTimeout(this.#typing.get(userId))
    this.#typing.delete(userId)
    if (typing) {
      this.#typing.set(userId, setTimeout(() => {
        this.#typing.delete(userId)
        this.#dispatch({ type: 'typingExpired', userId })
      }, TYPING))
    }
  }

  #refused(error: StudychatError): void {
    this.#stopStream = null
    if (error.code === 'NOT_FOUND') return this.#dispatch({ type: 'gone' })
    if (error.retryAfterMs) return void setTimeout(() => { if (this.#watched && !this.#stopStream) this.#follow() }, error.retryAfterMs)
    if (error.code === 'BAD_USER_INPUT' && this.#cursor !== null) { this.#cursor = null; return void this.#load() } // the cursor is another history's
    this.#value.patch({ error })
  }

  // completed: the chat is deleted or the viewer removed; unless the viewer has joined again.
  #completed(): void {
    this.#stopStream = null
    if (!this.#state.gone) void this.#load()
  }

  #stop(): void {
    this.#stopStream?.()
    this.#stopStream = null
    clearTimeout(this.#presence)
    clearTimeout(this.#typingIdle)
    for (const timer of this.#typing.values()) clearTimeout(timer)
    this.#typing.clear()
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
    const state = this.#state
    const sending = this.#core.outbox.of(this.id)
    const chat = this.#chatInfo(sending)
    const messages = this.#messages(sending)
    const { messages: before, members } = this.#value.getSnapshot()
    this.#value.patch({
      chat,
      messages: messages.length === before.length && messages.every((m, i) => m === before[i]) ? before : messages,
      members: this.#members(members), gone: state.gone, hasOlder: state.hasOlder, hasNewer: state.hasNewer,
      readSeq: state.chat?.viewerState.readSeq ?? 0,
    })
  }

  #info: { of: unknown; chat: ChatInfo | null } = { of: null, chat: null }
  #chatInfo(sending: readonly Sending[]): ChatInfo | null {
    const job = this.#state.chat ? undefined : sending.find(e => e.job.kind === 'createChat')?.job
    const of = this.#state.chat ?? job ?? null
    if (of !== this.#info.of) {
      const viewer = this.#core.viewer.getSnapshot() ?? NOBODY
      this.#info = { of, chat: this.#state.chat ? { ...this.#state.chat, pending: false } : job ? localChat(job.id, job.text, job.at, job.moduleId ?? null, viewer) : this.#info.chat }
    }
    return this.#info.chat
  }

  #messages(sending: readonly Sending[]): ChatMessage[] {
    const { entries, aside, hasNewer } = this.#state
    const changes = new Map(sending.filter(e => e.job.messageId).map(e => [e.job.messageId!, e]))
    const own = hasNewer ? aside.filter(e => this.#sent.has(e.node.id)) : []
    if (!hasNewer && this.#sent.size > 0) this.#sent.clear()
    const shown = [...entries, ...own].map(({ node }) => this.#message(node, changes.get(node.id)))
    const ids = new Set(shown.map(m => m.id))
    for (const id of this.#views.keys()) if (!ids.has(id)) this.#views.delete(id)
    const waiting = sending.filter(e => e.job.kind === 'sendMessage' && !ids.has(e.job.id))
    return [...shown, ...waiting.map(e => this.#queuedMessage(e, changes.get(e.job.id)))]
  }

  #message(node: MessageFieldsFragment, change: Sending | undefined): ChatMessage {
    const known = this.#views.get(node.id)
    if (known && known.node === node && known.change === change) return known.view
    const view: ChatMessage = { ...node, state: 'sent', error: null, change: null, ...shownChange(change, node.content) }
    this.#views.set(node.id, { node, change, view })
    return view
  }

  #queuedMessage(entry: Sending, change: Sending | undefined): ChatMessage {
    const known = this.#own.get(entry)
    const author = this.#core.viewer.getSnapshot() ?? NOBODY
    if (known && known.author === author && !change) return known
    const { id, chatId, text, at, replyTo = null } = entry.job
    const view: ChatMessage = {
      id, chatId, seq: null, author, role: 'USER', content: text, replyTo, createdAt: at, editedAt: null, deletedAt: null,
      state: stateOf(entry), error: errorOf(entry.job), change: null,
      ...(change && { content: change.job.kind === 'editMessage' ? change.job.text : '', change: change.job.kind === 'editMessage' ? 'edit' as const : 'remove' as const }),
    }
    if (!change) this.#own.set(entry, view)
    return view
  }

  #people: { state: ChatState; members: readonly ChatMember[] } = { state: emptyChat, members: [] }
  #members(before: readonly ChatMember[]): readonly ChatMember[] {
    const state = this.#state, people = this.#people
    if (people.state.members === state.members && people.state.online === state.online && people.state.typing === state.typing) return before
    const known = new Map(before.map(m => [m.user.id, m]))
    const members = state.members.map(({ user, role, joinedAt, readSeq }) => {
      const member: ChatMember = { user, role, joinedAt, readSeq, online: state.online.has(user.id), typing: state.typing.has(user.id) }
      const old = known.get(user.id)
      return old && same(old, member) ? old : member
    })
    this.#people = { state, members }
    return members.length === before.length && members.every((m, i) => m === before[i]) ? before : members
  }
}

function shownChange(change: Sending | undefined, content: string): Partial<ChatMessage> | undefined {
  if (!change) return undefined
  const state = stateOf(change), error = errorOf(change.job)
  return change.job.kind === 'editMessage'
    ? { state, error, change: 'edit', content: change.job.text }
    : { state, error, change: 'remove', content: error ? content : '' }
}
