// What answers and events make of an open chat: part of the rules.
import type { UserFieldsFragment } from './generated.js'
import { handedOver, read, toggled, transferred, withChat, withMember, withoutMember, withTyping } from './rules-people.js'
import { emptyChat, WINDOW, type ChatEvent, type ChatInput, type ChatState } from './rules-state.js'
import { addMessage, changeMessage, cut, onPage, remember } from './rules-window.js'

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
