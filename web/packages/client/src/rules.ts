// The rules by which answers and events change what is known: pure functions (state, input) → state. The stores of this package
// run on them, and so can a cache of Apollo Client, urql or Relay. A part that does not change stays the same object.
export { createIsNew, newerChat, newerMessage, type VersionedChat, type VersionedMessage } from './rules-versions.js'
export { applyChats, applyFeedEvent, byLatestMessage, emptyList, mustReload, removeChats, type ListEvent, type ListState } from './rules-list.js'
export { chatReducer } from './rules-chat.js'
export { emptyChat, WINDOW, type ChatEvent, type ChatInput, type ChatState, type Entry, type Page } from './rules-state.js'
