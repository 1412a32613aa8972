// The rules by which answers and events change what is known: pure functions (state, input) → state. The stores of this package
// run on them, and so can a cache of Apollo Client, urql or Relay. A part that does not change stays the same object.
import type { ChatFieldsFragment, ChatHeadFragment, FeedSubscription, FollowSubscription, MemberFieldsFragment, MessageFieldsFragment, UserFieldsFragment } from './generated.js'
import { same } from './same.js'

/** What is needed of a chat to tell which of two versions is the newer. */
export interface VersionedChat {
  readonly id: string
  readonly seq: number
  readonly lastMessageAt: string
  readonly viewerState: { readonly readSeq: number; readonly unreadCount?: number }
}

/** What is needed of a message to tell which of two versions is the newer. */
export interface VersionedMessage {
  readonly id: string
  readonly seq: number
  readonly createdAt: string
  readonly editedAt: string | null
  readonly deletedAt: string | null
}

/**
 * The newer of two versions of a chat: the one with the higher `seq`. How far the viewer has read never moves back, whichever
 * version that comes from. An answer that an event overtook does not win.
 */
export function newerChat<C extends VersionedChat>(known: C | undefined, incoming: C): C {
  if (!known) return incoming
  const [older, newer] = incoming.seq < known.seq ? [incoming, known] : [known, incoming]
  const { readSeq, unreadCount } = older.viewerState
  const read = unreadCount === undefined ? { readSeq } : { readSeq, unreadCount }
  const chat = readSeq > newer.viewerState.readSeq ? { ...newer, viewerState: { ...newer.viewerState, ...read } } : newer
  return same(known, chat) ? known : chat
}

/** The newer of two versions of a message: the one that was changed last, by the server's clock. A deletion is final. */
export function newerMessage<M extends VersionedMessage>(known: M | undefined, incoming: M): M {
  if (!known) return incoming
  if (known.deletedAt && !incoming.deletedAt) return known
  const changed = (m: M) => m.deletedAt ?? m.editedAt ?? m.createdAt
  return changed(incoming) < changed(known) || same(known, incoming) ? known : incoming
}

/** Returns a function that says whether an event comes for the first time: ask it before a sound or a counter. The feed may repeat events. */
export function createIsNew(limit = 10_000): (event: { readonly eventId?: string }) => boolean {
  const seen = new Set<string>()
  return ({ eventId }) => {
    if (eventId === undefined) return true
    if (seen.has(eventId)) return false
    seen.add(eventId)
    if (seen.size > limit) seen.delete(seen.values().next().value as string)
    return true
  }
}

// ---- the list of chats ----

/** What is known of the viewer's chats. */
export interface ListState<C extends VersionedChat = ChatFieldsFragment> {
  readonly rows: ReadonlyMap<string, C>
  /** Chats that the viewer does not see any more, with the number of the event that said so: an older answer does not bring them back. */
  readonly gone: ReadonlyMap<string, number>
}

/** What an event says of the list: any event of `chatEvents` that selects these fields. */
export interface ListEvent<C extends VersionedChat = ChatFieldsFragment> {
  readonly __typename: string
  readonly chatId?: string
  readonly seq?: number
  readonly chat?: C | null
  readonly readSeq?: number
  readonly unreadCount?: number | null
  readonly resetChatId?: string | null
}

/** A list of which nothing is known. */
export const emptyList: ListState<any> = { rows: new Map(), gone: new Map() }

/** Takes the chats of an answer: a page of the list, or what a mutation returned. */
export function applyChats<C extends VersionedChat>(state: ListState<C>, chats: readonly C[]): ListState<C> {
  let rows: Map<string, C> | undefined
  let gone: Map<string, number> | undefined
  for (const incoming of chats) {
    if (incoming.seq <= (state.gone.get(incoming.id) ?? -1)) continue
    const known = (rows ?? state.rows).get(incoming.id)
    const chat = newerChat(known, incoming)
    if (chat !== known) (rows ??= new Map(state.rows)).set(chat.id, chat)
    if (state.gone.has(chat.id)) (gone ??= new Map(state.gone)).delete(chat.id)
  }
  return rows || gone ? { rows: rows ?? state.rows, gone: gone ?? state.gone } : state
}

/** Forgets chats that are gone: deleted, or left. `seq` is the number of the event that said so. */
export function removeChats<C extends VersionedChat>(state: ListState<C>, ids: readonly string[], seq?: number): ListState<C> {
  const rows = new Map(state.rows), gone = new Map(state.gone)
  for (const id of ids) {
    gone.delete(id) // so that it is the newest of the map
    gone.set(id, Math.max(seq ?? 0, state.gone.get(id) ?? 0, rows.get(id)?.seq ?? 0))
    rows.delete(id)
    if (gone.size > 1000) gone.delete(gone.keys().next().value as string)
  }
  return { rows, gone }
}

/** Takes an event of the feed. A StreamReset without `resetChatId` asks for a new query (see `mustReload`) and changes nothing here. */
export function applyFeedEvent<C extends VersionedChat>(state: ListState<C>, event: ListEvent<C>): ListState<C> {
  const { chatId, chat, seq } = event
  if (chat) return applyChats(state, [chat])
  if (chatId === undefined) return state
  const row = state.rows.get(chatId)
  if (chat === null && seq !== undefined) {
    // The event is about a chat that the viewer had: an older one does not remove a chat that the viewer has joined again.
    return row && row.seq > seq ? state : removeChats(state, [chatId], seq)
  }
  if (row && event.__typename === 'MessagesRead' && event.unreadCount != null && event.readSeq! >= row.viewerState.readSeq) {
    const viewerState = { ...row.viewerState, readSeq: event.readSeq!, unreadCount: event.unreadCount }
    return same(viewerState, row.viewerState) ? state : { ...state, rows: new Map(state.rows).set(chatId, { ...row, viewerState }) }
  }
  return state
}

/** Whether an event asks for a new query: StreamReset, unless it is about one chat that is not shown. Forget what was known first. */
export function mustReload(event: { readonly __typename: string; readonly resetChatId?: string | null }, shows: (chatId: string) => boolean = () => true): boolean {
  return event.__typename === 'StreamReset' && (event.resetChatId == null || shows(event.resetChatId))
}

/** Compares two chats for a list: the latest message first. */
export function byLatestMessage(a: { readonly id: string; readonly lastMessageAt: string }, b: { readonly id: string; readonly lastMessageAt: string }): number {
  if (a.lastMessageAt !== b.lastMessageAt) return a.lastMessageAt > b.lastMessageAt ? -1 : 1
  return a.id > b.id ? -1 : a.id < b.id ? 1 : 0
}

// ---- an open chat ----

/** A message and its place, for `before` and `after`. */
export interface Entry {
  readonly cursor: string
  readonly node: MessageFieldsFragment
}

/** A page of messages, as the query answers it. */
export interface Page {
  readonly edges: readonly Entry[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean }
}

/** What is known of an open chat: a window into its messages, its members, who is there and who types. */
export interface ChatState {
  readonly chat: ChatHeadFragment | null
  /** The window, by rising `seq`, without a gap. */
  readonly entries: readonly Entry[]
  readonly hasOlder: boolean
  readonly hasNewer: boolean
  /** Messages that came while the window did not reach the newest one: they join it when it does. */
  readonly aside: readonly Entry[]
  /** The number of the newest message that `aside` had no room for. */
  readonly missed: number
  /** The latest changes of messages outside the window: a page that was read before them does not undo them. */
  readonly changes: readonly MessageFieldsFragment[]
  /** Whether the reader looks at old messages: then new ones do not push those out of the window. */
  readonly reading: 'latest' | 'history'
  readonly members: readonly MemberFieldsFragment[]
  /** The ids of the users who are online, and of those who type. */
  readonly online: ReadonlySet<string>
  readonly typing: ReadonlySet<string>
  readonly gone: boolean
}

/** What changes an open chat. */
export type ChatInput =
  /** The first answer, or one after a StreamReset: nothing of before stays. */
  | { readonly type: 'open'; readonly chat: ChatHeadFragment; readonly members: readonly MemberFieldsFragment[]; readonly online: readonly UserFieldsFragment[]; readonly page: Page }
  /** An event of the chat's stream, or of the feed. */
  | { readonly type: 'event'; readonly event: ChatEvent; readonly viewerId?: string }
  /** A page beside the window (`older`, `newer`), or in place of it (`around`, `latest`). `seq` is that of the chat in the same answer. */
  | { readonly type: 'page'; readonly where: 'older' | 'newer' | 'around' | 'latest'; readonly page: Page; readonly seq: number }
  /** The answer to a message that was sent: it has a place. */
  | { readonly type: 'sent'; readonly entry: Entry }
  /** The answer to a change of a message. */
  | { readonly type: 'changed'; readonly message: MessageFieldsFragment }
  /** An answer about the chat alone. */
  | { readonly type: 'chat'; readonly chat: ChatHeadFragment }
  | { readonly type: 'member'; readonly member: MemberFieldsFragment }
  | { readonly type: 'memberGone'; readonly userId: string }
  /** The answer to a transfer: the user is the owner, unless an event has told what came after. */
  | { readonly type: 'transferred'; readonly chat: ChatHeadFragment; readonly userId: string }
  /** Nobody has heard of the user's typing for 6 seconds. */
  | { readonly type: 'typingExpired'; readonly userId: string }
  /** The stream has been down for long enough that nobody can say who is online. */
  | { readonly type: 'presenceExpired' }
  /** The reader sees the newest message. */
  | { readonly type: 'atLatest' }
  | { readonly type: 'gone' }

/** An event that changes an open chat. */
export type ChatEvent = FollowSubscription['chatEvents'] | FeedSubscription['chatEvents']

/** A chat of which nothing is known. */
export const emptyChat: ChatState = {
  chat: null, entries: [], hasOlder: false, hasNewer: false, aside: [], missed: 0, changes: [], reading: 'latest',
  members: [], online: new Set(), typing: new Set(), gone: false,
}

/** How many messages of a chat are held, unless the caller says otherwise. */
export const WINDOW = 400
// A window grows by so many messages over its size before it is cut, so that not each message moves it.
const SLACK = 50

/** Takes an answer, an event or the passing of time. `size` bounds the window. */
export function chatReducer(state: ChatState, input: ChatInput, size: number = WINDOW): ChatState {
  switch (input.type) {
    case 'open': return open(input)
    case 'event': return onEvent(state, input.event, input.viewerId, size)
    case 'page': return onPage(state, input, size)
    case 'sent': return addMessage(state, input.entry, size)
    case 'changed': return changeMessage(state, input.message)
    case 'chat': return withChat(state, input.chat)
    case 'member': return withMember(state, input.member)
    case 'memberGone': return withoutMember(state, input.userId)
    case 'transferred': return handedOver(state, input)
    case 'typingExpired': return { ...state, typing: toggled(state.typing, input.userId, false) }
    case 'presenceExpired': return { ...state, online: new Set(), typing: new Set() }
    case 'atLatest': return state.hasNewer || state.reading === 'latest' ? state : cut({ ...state, reading: 'latest' }, size)
    case 'gone': return { ...state, gone: true, typing: new Set() }
  }
}

function open({ chat, members, online, page }: ChatInput & { type: 'open' }): ChatState {
  return {
    ...emptyChat, chat, members, online: new Set(online.map(user => user.id)), entries: page.edges,
    hasOlder: page.pageInfo.hasPreviousPage, hasNewer: page.pageInfo.hasNextPage,
  }
}

function onEvent(state: ChatState, event: ChatEvent, viewerId: string | undefined, size: number): ChatState {
  if ('chat' in event) state = event.chat ? withChat(state, event.chat) : { ...state, gone: true }
  switch (event.__typename) {
    case 'StreamStarted': return 'online' in event ? started(state, event) : state
    case 'MessageSent': return addMessage(withTyping(state, event.actor.id, false), event.messageEdge, size)
    case 'MessageEdited':
    case 'MessageDeleted': return remember(changeMessage(state, event.message), event.message)
    case 'MemberAdded': return withMember(state, event.member)
    case 'MemberRemoved': return withoutMember(state, event.user.id)
    case 'ChatTransferred': return 'owner' in event ? transferred(state, event.owner) : state
    case 'MessagesRead': return read(state, event.user.id, event.readSeq, event.user.id === viewerId ? event.unreadCount : null)
    case 'TypingChanged': return 'user' in event ? withTyping(state, event.user.id, event.typing) : state
    case 'PresenceChanged': return 'isOnline' in event ? { ...state, online: toggled(state.online, event.user.id, event.isOnline) } : state
    case 'ChatDeleted': return { ...state, gone: true }
    default: return state
  }
}

function started(state: ChatState, event: ChatEvent & { readonly online: readonly UserFieldsFragment[] } & { readonly readMarks: readonly { readonly user: UserFieldsFragment; readonly readSeq: number }[] }): ChatState {
  state = { ...state, online: new Set(event.online.map(user => user.id)) }
  for (const mark of event.readMarks) state = read(state, mark.user.id, mark.readSeq, null)
  return state
}

function withChat(state: ChatState, incoming: ChatHeadFragment): ChatState {
  const chat = newerChat(state.chat ?? undefined, incoming)
  return chat === state.chat ? state : { ...state, chat }
}

const withTyping = (state: ChatState, userId: string, typing: boolean) => {
  const set = toggled(state.typing, userId, typing)
  return set === state.typing ? state : { ...state, typing: set }
}

function toggled(set: ReadonlySet<string>, id: string, on: boolean): ReadonlySet<string> {
  if (set.has(id) === on) return set
  const next = new Set(set)
  if (on) next.add(id)
  else next.delete(id)
  return next
}

function withMember(state: ChatState, member: MemberFieldsFragment): ChatState {
  const known = state.members.find(m => m.user.id === member.user.id)
  if (!known) return { ...state, members: [...state.members, member] }
  const next = known.readSeq > member.readSeq ? { ...member, readSeq: known.readSeq } : member
  return same(known, next) ? state : { ...state, members: state.members.map(m => (m === known ? next : m)) }
}

function withoutMember(state: ChatState, userId: string): ChatState {
  if (!state.members.some(m => m.user.id === userId)) return state
  return {
    ...state, members: state.members.filter(m => m.user.id !== userId),
    online: toggled(state.online, userId, false), typing: toggled(state.typing, userId, false),
  }
}

function transferred(state: ChatState, owner: MemberFieldsFragment): ChatState {
  const members = state.members.map(m => (m.role === 'OWNER' && m.user.id !== owner.user.id ? { ...m, role: 'MEMBER' as const } : m))
  return withMember({ ...state, members }, owner)
}

function handedOver(state: ChatState, { chat, userId }: ChatInput & { type: 'transferred' }): ChatState {
  const member = state.members.find(m => m.user.id === userId)
  const overtaken = state.chat !== null && state.chat.seq >= chat.seq
  return withChat(member && !overtaken ? transferred(state, { ...member, role: 'OWNER' }) : state, chat)
}

// read moves a member's mark, never back. unread is not null if the viewer is the one who read.
function read(state: ChatState, userId: string, readSeq: number, unread: number | null): ChatState {
  const chat = state.chat
  if (chat && unread !== null && readSeq >= chat.viewerState.readSeq) {
    const viewerState = { ...chat.viewerState, readSeq, unreadCount: unread }
    if (!same(viewerState, chat.viewerState)) state = { ...state, chat: { ...chat, viewerState } }
  }
  const member = state.members.find(m => m.user.id === userId)
  if (!member || member.readSeq >= readSeq) return state
  return { ...state, members: state.members.map(m => (m === member ? { ...m, readSeq } : m)) }
}

function addMessage(state: ChatState, entry: Entry, size: number): ChatState {
  if (state.entries.some(e => e.node.id === entry.node.id)) return changeMessage(state, entry.node)
  const first = state.entries[0]
  if (first && state.hasOlder && entry.node.seq < first.node.seq) return state // before the window
  const last = state.entries[state.entries.length - 1]
  const inside = last !== undefined && entry.node.seq < last.node.seq
  const full = state.reading === 'history' && state.entries.length >= size + SLACK
  if (!inside && (state.hasNewer || full)) return setAside(state, entry, size)
  return cut({ ...state, entries: insert(state.entries, entry) }, size)
}

function setAside(state: ChatState, entry: Entry, size: number): ChatState {
  const aside = insert(state.aside, entry)
  const missed = aside.length > size ? aside[0]!.node.seq : state.missed
  return { ...state, hasNewer: true, aside: aside.slice(-size), missed }
}

// insert adds an entry by its seq: nearly always at the end. An id that is there already is replaced by its newer version.
function insert(entries: readonly Entry[], entry: Entry): Entry[] {
  let at = entries.length
  while (at > 0 && entries[at - 1]!.node.seq > entry.node.seq) at--
  const known = entries[at - 1]
  if (known?.node.id !== entry.node.id) return entries.toSpliced(at, 0, entry)
  return entries.with(at - 1, { ...known, node: newerMessage(known.node, entry.node) })
}

function merge(entries: readonly Entry[], more: readonly Entry[]): readonly Entry[] {
  return more.reduce<readonly Entry[]>(insert, entries)
}

// cut bounds the window at the end that the reader does not look at.
function cut(state: ChatState, size: number): ChatState {
  const { entries } = state
  if (entries.length <= size + SLACK) return state
  if (state.reading === 'latest') return { ...state, entries: entries.slice(-size), hasOlder: true }
  return { ...state, entries: entries.slice(0, size), hasNewer: true, missed: Math.max(state.missed, entries.at(-1)!.node.seq) }
}

// changeMessage takes a newer version of a message, also where other messages answer it.
function changeMessage(state: ChatState, message: MessageFieldsFragment): ChatState {
  const change = (entries: readonly Entry[]) => {
    const next = entries.map(entry => {
      const node = changed(entry.node, message)
      return node === entry.node ? entry : { ...entry, node }
    })
    return next.some((entry, i) => entry !== entries[i]) ? next : entries
  }
  const entries = change(state.entries), aside = change(state.aside)
  return entries === state.entries && aside === state.aside ? state : { ...state, entries, aside }
}

// A page is under way for seconds; so many changes are remembered for it.
const CHANGES = 50

function remember(state: ChatState, message: MessageFieldsFragment): ChatState {
  const known = [...state.entries, ...state.aside].some(entry => entry.node.id === message.id)
  return known ? state : { ...state, changes: [...state.changes.filter(m => m.id !== message.id), message].slice(-CHANGES) }
}

function changed(node: MessageFieldsFragment, message: MessageFieldsFragment): MessageFieldsFragment {
  if (node.id === message.id) return newerMessage(node, message)
  if (node.replyTo?.id !== message.id) return node
  const replyTo = { ...node.replyTo, content: message.content, deletedAt: message.deletedAt }
  return same(replyTo, node.replyTo) ? node : { ...node, replyTo }
}

function onPage(state: ChatState, { where, page, seq }: ChatInput & { type: 'page' }, size: number): ChatState {
  const { hasNextPage, hasPreviousPage } = page.pageInfo
  const newest = (entries: readonly Entry[]) => entries.map(entry => {
    const known = state.entries.find(e => e.node.id === entry.node.id)?.node ?? state.changes.find(m => m.id === entry.node.id)
    return known ? { ...entry, node: newerMessage(known, entry.node) } : entry
  })
  // Messages that came while the answer was under way: beside the window, or at its end if it reached the newest.
  const came = [...state.entries, ...state.aside].filter(entry => entry.node.seq > seq)
  switch (where) {
    case 'older': return cut({ ...state, entries: merge(newest(page.edges), state.entries), hasOlder: hasPreviousPage, reading: 'history' }, size)
    case 'newer': return join({ ...state, entries: merge(state.entries, newest(page.edges)), hasNewer: hasNextPage, reading: 'latest' }, came, seq, size)
    case 'around': return join({ ...state, entries: newest(page.edges), hasOlder: hasPreviousPage, hasNewer: hasNextPage, reading: 'history' }, came, seq, size)
    case 'latest': return join({ ...state, entries: newest(page.edges), hasOlder: hasPreviousPage, hasNewer: false, reading: 'latest' }, came, seq, size)
  }
}

// join ends a window that reaches the newest message of an answer: what came after the answer was read is added to it.
function join(state: ChatState, came: readonly Entry[], seq: number, size: number): ChatState {
  if (state.hasNewer || state.missed > seq) return cut({ ...state, hasNewer: true }, size)
  return cut({ ...state, entries: merge(state.entries, came), aside: [], missed: 0 }, size)
}
