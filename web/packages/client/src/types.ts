// The public types: what the stores show, and what the page gives.
import type { ChatFieldsFragment, ChatHeadFragment, Document, FeedSubscription, FollowSubscription, MemberRole, MessageRole, UserFieldsFragment } from './generated.js'
import type { StudychatError } from './errors.js'

/** A person or a program. */
export type User = UserFieldsFragment

/**
 * How the client is connected.
 * - `connecting`: nothing has been reached yet.
 * - `online`: events arrive live.
 * - `reconnecting`: the connection broke and is tried again; nothing is lost, the streams resume from their cursors.
 * - `offline`: the browser has no network. The client goes on when the network is back.
 * - `refused`: the server refuses the token. Let the user sign in, then call `reconnect()`.
 * - `closed`: after `close()` or `signOut()`.
 */
export type ConnectionStatus = 'connecting' | 'online' | 'reconnecting' | 'offline' | 'refused' | 'closed'

/** Settings of a client. */
export interface StudychatOptions {
  /** The GraphQL endpoint, for example `https://chat.example/graphql`; in a browser `/graphql` will do. */
  url: string
  /**
   * Returns the token of the user. The client calls it for each request and each connection, so keep a token until shortly before it
   * ends. `refused` says that the server has refused the last one: fetch another. Leave `getToken` out where the server has no authentication.
   */
  getToken?: (why: { refused: boolean }) => string | null | undefined | Promise<string | null | undefined>
  /** What carries the streams: a WebSocket (the default), or Server-Sent Events where proxies block WebSockets. */
  transport?: 'ws' | 'sse'
  /** Where the outbox is kept: `indexeddb` (the default) survives reloads, `memory` does not. */
  storage?: 'memory' | 'indexeddb'
  /** How many messages of an open chat are held in memory, at least 100; 400 by default. */
  windowSize?: number
  /** The WebSocket class, where there is no global one (Node 20). */
  webSocketImpl?: unknown
}

/** Something that can be watched: the contract of React's `useSyncExternalStore`. A snapshot is the same object until something changes. */
export interface Store<Snapshot> {
  /** Calls the listener after each change. The first subscription starts what the store needs; the last one that ends stops it a little later. */
  subscribe(listener: () => void): () => void
  /** What the store shows now. */
  getSnapshot(): Snapshot
}

/** A chat as a list shows it. */
export interface ChatRow extends ChatFieldsFragment {
  /** `true` while the chat waits in the outbox: the server does not know it yet. */
  readonly pending: boolean
}

/** What an open chat says of the chat itself. */
export interface ChatInfo extends ChatHeadFragment {
  /** `true` while the chat waits in the outbox: the server does not know it yet. */
  readonly pending: boolean
}

/** Where a message is on its way. */
export type MessageState = 'queued' | 'sending' | 'sent' | 'failed'

/** A message as an open chat shows it. Its `id` is the same from the first moment, so it makes a good key. */
export interface ChatMessage {
  readonly id: string
  readonly chatId: string
  /** The number in the chat; null until the server has the message. */
  readonly seq: number | null
  readonly author: User
  readonly role: MessageRole
  readonly content: string
  /** The message that this one answers. */
  readonly replyTo: { readonly id: string; readonly seq: number; readonly content: string; readonly deletedAt: string | null; readonly author: User } | null
  /** When it was sent, by the server's clock. Of a message on its way: when it was written, by an estimate of that clock. */
  readonly createdAt: string
  readonly editedAt: string | null
  readonly deletedAt: string | null
  readonly state: MessageState
  /** Why the message, or a change of it, failed: offer `retry(id)` and `discard(id)`. */
  readonly error: StudychatError | null
  /** A change of a sent message that is on its way: `content` shows it already. */
  readonly change: 'edit' | 'remove' | null
}

/** A member of an open chat. */
export interface ChatMember {
  readonly user: User
  readonly role: MemberRole
  readonly joinedAt: string
  /** Up to which number the member has read. */
  readonly readSeq: number
  readonly online: boolean
  readonly typing: boolean
}

/** What a list of chats shows. */
export interface ChatsSnapshot {
  /** The chats, latest message first; those that wait in the outbox are among them. */
  readonly chats: readonly ChatRow[]
  /** `true` until the first page is there, and while everything is read again. */
  readonly isLoading: boolean
  readonly isLoadingMore: boolean
  /** Why the last read failed. The chats that are known stay. */
  readonly error: StudychatError | null
  readonly hasMore: boolean
  /** How many chats the list had on the server when it was read; 1,000 means 1,000 or more. */
  readonly totalCount: number
}

/** What an open chat shows. */
export interface ChatSnapshot {
  readonly id: string
  readonly chat: ChatInfo | null
  /** The messages of the window, oldest first; those on their way are at the end. */
  readonly messages: readonly ChatMessage[]
  readonly members: readonly ChatMember[]
  readonly isLoading: boolean
  /** Which pages are being read. */
  readonly isLoadingOlder: boolean
  readonly isLoadingNewer: boolean
  readonly error: StudychatError | null
  /** The chat was deleted, the viewer is no longer a member, or there never was such a chat. */
  readonly gone: boolean
  /** Whether there are messages before the window. */
  readonly hasOlder: boolean
  /** Whether there are messages after the window: the viewer looks at old ones. `loadNewer` and `loadLatest` lead back. */
  readonly hasNewer: boolean
  /** Up to which number the viewer has read. */
  readonly readSeq: number
}

/** What `startNewChat` takes. */
export interface NewChat {
  title: string
  /** The chat's id, a UUID. A second call with the same id does nothing, so a double click starts one chat. */
  id?: string
  moduleId?: string | null
  /** Users to add: their ids. */
  members?: readonly string[]
  /** The text of the first message. */
  firstMessage?: string
}

/** What a chat is to the viewer alone. What is left out stays as it is. */
export interface ViewerStateChange {
  /** Until when the viewer wants no notices; null ends that. */
  mutedUntil?: string | null
  pinned?: boolean
  archived?: boolean
}

/** A list of chats and what one can do with them. Methods may be taken apart: they need no `this`. */
export interface ChatsStore extends Store<ChatsSnapshot> {
  loadMore(): Promise<void>
  /** Starts a chat and returns its id at once; the outbox sends it, also after a reload. */
  startNewChat(chat: NewChat): string
  /** Deletes a chat for everybody. It leaves the list at once, and comes back if the server refuses. */
  deleteChat(id: string): Promise<void>
  leaveChat(id: string): Promise<void>
  /** Deletes all chats that the viewer owns, for everybody, and those that wait to be started. Returns the ids of the chats that are gone. */
  clearChats(): Promise<readonly string[]>
  renameChat(id: string, title: string): Promise<void>
  updateViewerState(id: string, change: ViewerStateChange): Promise<void>
  /** Reads the list anew, after an error. */
  reload(): void
}

/** An open chat and what one can do in it. Methods may be taken apart: they need no `this`. */
export interface ChatStore extends Store<ChatSnapshot> {
  readonly id: string
  loadOlder(): Promise<void>
  loadNewer(): Promise<void>
  /** Back to the newest messages. */
  loadLatest(): Promise<void>
  /** Shows the messages around one: to jump to it. Rejects with NOT_FOUND if there is no such message. */
  loadAround(messageId: string): Promise<void>
  /** Sends a message and returns its id at once. A second call with the same `id` does nothing, so a double click sends once. */
  send(content: string, options?: { id?: string; replyTo?: ChatMessage | null }): string
  /** Sends what failed again, under the same id. */
  retry(messageId: string): void
  /** Drops a message that waits or failed, or a failed change of one. */
  discard(messageId: string): void
  /** Changes a message's text: one that waits in its place, one that is sent by the outbox. */
  edit(messageId: string, content: string): void
  /** Takes a message's text away for good; a message that waits is dropped. */
  remove(messageId: string): void
  rename(title: string): Promise<void>
  addMember(userId: string, options?: { invite?: boolean }): Promise<void>
  removeMember(userId: string): Promise<void>
  /** Hands the chat over: the member becomes its owner, the viewer stays as a member. Rejects with FORBIDDEN unless the viewer is the owner. */
  transfer(userId: string): Promise<void>
  /** Says that the viewer types. Call it at each key: it is sent every few seconds at most, and ends by itself. */
  setTyping(typing: boolean): void
  /** Says that the viewer has read up to a message; without one, up to the newest. */
  markRead(seq?: number): void
  updateViewerState(change: ViewerStateChange): Promise<void>
  deleteChat(): Promise<void>
  leaveChat(): Promise<void>
  reload(): void
}

/** Something in the outbox. */
export interface OutboxItem {
  /** The id of the message or chat that it sends; for an edit or removal, an id of its own. */
  readonly id: string
  readonly chatId: string
  readonly kind: 'createChat' | 'addMember' | 'sendMessage' | 'editMessage' | 'deleteMessage'
  readonly state: Exclude<MessageState, 'sent'>
  readonly error: StudychatError | null
  /** The text of the message, or the chat's title. */
  readonly text: string
}

/** What the outbox shows. */
export interface OutboxSnapshot {
  /** In the order in which they were written. */
  readonly items: readonly OutboxItem[]
  /** How many messages wait or are being sent. */
  readonly waiting: number
  readonly failed: number
  /** Whether the outbox survives a reload. `false` with `storage: 'memory'`, and where the browser refuses IndexedDB (private mode). */
  readonly persistent: boolean
}

/** All that waits to be sent, of all chats. */
export interface OutboxStore extends Store<OutboxSnapshot> {
  /** Sends what failed again: one item, or all. */
  retry(id?: string): void
  discard(id: string): void
}

/** An event of the feed of all chats. */
export type FeedEvent = FeedSubscription['chatEvents']
/** An event of the stream of one chat. */
export type ChatStreamEvent = FollowSubscription['chatEvents']

/** A client for one user. */
export interface Studychat {
  /** How the client is connected. */
  readonly status: Store<ConnectionStatus>
  /** The user who asks; null until the server has said. */
  readonly viewer: Store<User | null>
  readonly outbox: OutboxStore
  /** The list of all chats, or of one module's. The same arguments give the same store. */
  chats(filter?: { moduleId?: string | null }): ChatsStore
  /** An open chat. The same id gives the same store. */
  chat(id: string): ChatStore
  /** Any other operation of the schema: a query or a mutation. Rejects with a StudychatError. */
  request<Data = Record<string, unknown>, Variables = Record<string, unknown>>(
    document: Document<Data, Variables> | string, variables?: Variables, options?: { signal?: AbortSignal },
  ): Promise<Data>
  /** Calls the listener for each event of the feed that is new, once: for sounds, notices and counters. The feed runs while a list or a listener watches. */
  onEvent(listener: (event: FeedEvent) => void): () => void
  /** The server's time, estimated: milliseconds since 1970. It does not depend on the clock of this computer being right. */
  now(): number
  /** Connects now: after sign-in, or when the user does not want to wait. */
  reconnect(): void
  /** Ends the client and wipes what it has stored for the user, in all tabs. */
  signOut(): Promise<void>
  /** Ends the client. What waits in the outbox stays for the next one. */
  close(): void
}
