// Which of two versions is the newer, and whether an event is new: part of the rules.
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
