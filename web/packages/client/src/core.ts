import type { Connection } from './connection.js'
import type { ChatFieldsFragment, Document } from './generated.js'
import type { Outbox } from './outbox.js'
import type { Entry } from './rules.js'
import type { Store, User, ViewerStateChange } from './types.js'

/** What the stores of a client share. */
export interface Core {
  readonly connection: Connection
  readonly outbox: Outbox
  readonly viewer: Store<User | null>
  readonly windowSize: number
  request<Data, Variables>(document: Document<Data, Variables>, variables: Variables): Promise<Data>
  /** Repeats a request until it passes or fails for good. It waits in between, and tries at once when the connection is back. */
  persist<T>(request: () => Promise<T>, options: { alive(): boolean; failed?(error: unknown): void }): Promise<T>
  now(): number
  /** The server told its time. */
  setTime(at: string): void
  /** An answer of the server shows a chat: all stores take it. */
  tellChat(chat: ChatFieldsFragment): void
  /** The chat is gone for the viewer. */
  chatGone(id: string): void
  /** A message of this client has its place. */
  messageSent(chatId: string, entry: Entry): void
  renameChat(id: string, title: string): Promise<void>
  /** The viewer has read up to a message: lists show it at once. */
  readHere(id: string, seq: number, all: boolean): void
  /** Nobody watches the chat any more. */
  retired(chat: { readonly id: string; drop(): void }): void
  updateViewerState(id: string, change: ViewerStateChange): Promise<void>
  removeChat(id: string, how: 'delete' | 'leave'): Promise<void>
  /** Called at the first use: reads what is stored, and asks who the user is. */
  start(): void
}

/** After the last watcher has left, a store goes on for so long: a page that changes its view comes back. */
export const LINGER = 5_000
