// The list of chats: part of the rules.
import type { ChatFieldsFragment } from './generated.js'
import { newerChat, type VersionedChat } from './rules-versions.js'
import { same } from './same.js'

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
