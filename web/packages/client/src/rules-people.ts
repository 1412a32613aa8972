// The head of an open chat and its people: part of the rules.
import type { ChatHeadFragment, MemberFieldsFragment } from './generated.js'
import type { ChatInput, ChatState } from './rules-state.js'
import { newerChat } from './rules-versions.js'
import { same } from './same.js'

/** An answer or an event about the chat itself. */
export function withChat(state: ChatState, incoming: ChatHeadFragment): ChatState {
  const chat = newerChat(state.chat ?? undefined, incoming)
  return chat === state.chat ? state : { ...state, chat }
}

/** Somebody types, or does not any more. */
export const withTyping = (state: ChatState, userId: string, typing: boolean) => {
  const set = toggled(state.typing, userId, typing)
  return set === state.typing ? state : { ...state, typing: set }
}

/** The set with the id, or without it. */
export function toggled(set: ReadonlySet<string>, id: string, on: boolean): ReadonlySet<string> {
  if (set.has(id) === on) return set
  const next = new Set(set)
  if (on) next.add(id)
  else next.delete(id)
  return next
}

/** A new member, or a newer version of one; how far somebody has read never moves back. */
export function withMember(state: ChatState, member: MemberFieldsFragment): ChatState {
  const known = state.members.find(m => m.user.id === member.user.id)
  if (!known) return { ...state, members: [...state.members, member] }
  const next = known.readSeq > member.readSeq ? { ...member, readSeq: known.readSeq } : member
  return same(known, next) ? state : { ...state, members: state.members.map(m => (m === known ? next : m)) }
}

/** A member is gone. */
export function withoutMember(state: ChatState, userId: string): ChatState {
  if (!state.members.some(m => m.user.id === userId)) return state
  return {
    ...state, members: state.members.filter(m => m.user.id !== userId),
    online: toggled(state.online, userId, false), typing: toggled(state.typing, userId, false),
  }
}

/** The chat has another owner. */
export function transferred(state: ChatState, owner: MemberFieldsFragment): ChatState {
  const members = state.members.map(m => (m.role === 'OWNER' && m.user.id !== owner.user.id ? { ...m, role: 'MEMBER' as const } : m))
  return withMember({ ...state, members }, owner)
}

/** The answer to a transfer: it does not win over events that came after it. */
export function handedOver(state: ChatState, { chat, userId }: ChatInput & { type: 'transferred' }): ChatState {
  const member = state.members.find(m => m.user.id === userId)
  const overtaken = state.chat !== null && state.chat.seq >= chat.seq
  return withChat(member && !overtaken ? transferred(state, { ...member, role: 'OWNER' }) : state, chat)
}

/** Moves a member's mark, never back. `unread` is not null if the viewer is the one who read. */
export function read(state: ChatState, userId: string, readSeq: number, unread: number | null): ChatState {
  const chat = state.chat
  if (chat && unread !== null && readSeq >= chat.viewerState.readSeq) {
    const viewerState = { ...chat.viewerState, readSeq, unreadCount: unread }
    if (!same(viewerState, chat.viewerState)) state = { ...state, chat: { ...chat, viewerState } }
  }
  const member = state.members.find(m => m.user.id === userId)
  if (!member || member.readSeq >= readSeq) return state
  return { ...state, members: state.members.map(m => (m === member ? { ...m, readSeq } : m)) }
}
