import { localChat, NOBODY } from './chats.js'
import type { MessageFieldsFragment } from './generated.js'
import { errorOf, stateOf, type Entry as Sending } from './outbox-entries.js'
import { emptyChat, type ChatState } from './rules.js'
import { same } from './same.js'
import type { ChatInfo, ChatMember, ChatMessage, User } from './types.js'

/** How an open chat is shown: what is known of it, and what the outbox is sending. What does not change stays the same object. */
export class ChatView {
  #info: { of: unknown; chat: ChatInfo | null } = { of: null, chat: null }
  #people: { state: ChatState; members: readonly ChatMember[] } = { state: emptyChat, members: [] }
  #shown: readonly ChatMessage[] = []
  readonly #views = new Map<string, { node: MessageFieldsFragment; change: Sending | undefined; view: ChatMessage }>()
  readonly #queued = new WeakMap<Sending, ChatMessage>()
  readonly #sent = new Set<string>() // of this client: shown though the window does not reach them

  /** This client has sent the message: it stays on the screen. */
  sent(id: string): void {
    this.#sent.add(id)
  }

  chat(state: ChatState, sending: readonly Sending[], viewer: User | null): ChatInfo | null {
    const job = state.chat ? undefined : sending.find(e => e.job.kind === 'createChat')?.job
    const of = state.chat ?? job ?? null
    if (of !== this.#info.of) {
      this.#info = { of, chat: state.chat ? { ...state.chat, pending: false } : job ? localChat(job.id, job.text, job.at, job.moduleId ?? null, viewer ?? NOBODY) : this.#info.chat }
    }
    return this.#info.chat
  }

  /** The messages of the window, then what waits to be sent. */
  messages({ entries, aside, hasNewer }: ChatState, sending: readonly Sending[], viewer: User | null): readonly ChatMessage[] {
    const changes = new Map(sending.filter(e => e.job.messageId).map(e => [e.job.messageId!, e]))
    const own = hasNewer ? aside.filter(e => this.#sent.has(e.node.id)) : []
    if (!hasNewer && this.#sent.size > 0) this.#sent.clear()
    const known = [...entries, ...own].map(({ node }) => this.#message(node, changes.get(node.id)))
    const ids = new Set(known.map(m => m.id))
    for (const id of this.#views.keys()) if (!ids.has(id)) this.#views.delete(id)
    const waiting = sending.filter(e => e.job.kind === 'sendMessage' && !ids.has(e.job.id))
    return (this.#shown = kept(this.#shown, [...known, ...waiting.map(e => this.#queuedMessage(e, changes.get(e.job.id), viewer ?? NOBODY))]))
  }

  #message(node: MessageFieldsFragment, change: Sending | undefined): ChatMessage {
    const known = this.#views.get(node.id)
    if (known && known.node === node && known.change === change) return known.view
    const view: ChatMessage = { ...node, state: 'sent', error: null, change: null, ...shownChange(change, node.content) }
    this.#views.set(node.id, { node, change, view })
    return view
  }

  #queuedMessage(entry: Sending, change: Sending | undefined, author: User): ChatMessage {
    const known = this.#queued.get(entry)
    if (known && known.author === author && !change) return known
    const { id, chatId, text, at, replyTo = null } = entry.job
    const view: ChatMessage = {
      id, chatId, seq: null, author, role: 'USER', content: text, replyTo, createdAt: at, editedAt: null, deletedAt: null,
      state: stateOf(entry), error: errorOf(entry.job), change: null,
      ...(change && { content: change.job.kind === 'editMessage' ? change.job.text : '', change: change.job.kind === 'editMessage' ? 'edit' as const : 'remove' as const }),
    }
    if (!change) this.#queued.set(entry, view)
    return view
  }

  members(state: ChatState): readonly ChatMember[] {
    const { state: last, members: before } = this.#people
    if (last.members === state.members && last.online === state.online && last.typing === state.typing) return before
    const known = new Map(before.map(m => [m.user.id, m]))
    const members = state.members.map(({ user, role, joinedAt, readSeq }) => {
      const member: ChatMember = { user, role, joinedAt, readSeq, online: state.online.has(user.id), typing: state.typing.has(user.id) }
      const old = known.get(user.id)
      return old && same(old, member) ? old : member
    })
    this.#people = { state, members: kept(before, members) }
    return this.#people.members
  }
}

/** The list from before, if nothing in it has changed. */
function kept<T>(before: readonly T[], now: readonly T[]): readonly T[] {
  return now.length === before.length && now.every((each, i) => each === before[i]) ? before : now
}

function shownChange(change: Sending | undefined, content: string): Partial<ChatMessage> | undefined {
  if (!change) return undefined
  const state = stateOf(change), error = errorOf(change.job)
  return change.job.kind === 'editMessage'
    ? { state, error, change: 'edit', content: change.job.text }
    : { state, error, change: 'remove', content: error ? content : '' }
}
