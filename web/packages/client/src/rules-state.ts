// An open chat, and what changes it: part of the rules.
import type { ChatHeadFragment, FeedSubscription, FollowSubscription, MemberFieldsFragment, MessageFieldsFragment, UserFieldsFragment } from './generated.js'

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
