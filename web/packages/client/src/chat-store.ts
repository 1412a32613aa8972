import { chatPeople } from './chat-people.js'
import type { Where } from './chat-pages.js'
import type { OwnTyping } from './chat-typing.js'
import type { ChatWrites } from './chat-writes.js'
import type { Core } from './core.js'
import type { ChatInput } from './rules.js'
import type { ChatSnapshot, ChatStore, Store } from './types.js'

/** What an open chat does for its store. */
export interface ChatParts extends Pick<ChatStore, 'send' | 'markRead' | 'reload'> {
  readonly snapshot: Store<ChatSnapshot>
  readonly writes: ChatWrites
  readonly typing: OwnTyping
  page(where: Where, around?: string): Promise<void>
  take(input: ChatInput): void
}

/** The methods that a page calls. */
export function chatStore(core: Core, id: string, { snapshot, writes, typing, page, send, markRead, reload, take }: ChatParts): ChatStore {
  const people = chatPeople(core, id, take)
  return {
    id, subscribe: snapshot.subscribe, getSnapshot: snapshot.getSnapshot, send, markRead, reload,
    loadOlder: () => page('older'),
    loadNewer: () => page('newer'),
    loadLatest: () => page('latest'),
    loadAround: messageId => page('around', messageId),
    retry: messageId => writes.retry(messageId),
    discard: messageId => writes.discard(messageId),
    edit: (messageId, content) => writes.edit(messageId, content),
    remove: messageId => writes.remove(messageId),
    rename: title => core.renameChat(id, title),
    addMember: (userId, { invite = false } = {}) => people.add(userId, invite),
    removeMember: people.remove,
    transfer: people.transfer,
    setTyping: isTyping => (isTyping ? typing.typed() : typing.end()),
    updateViewerState: change => core.updateViewerState(id, change),
    deleteChat: () => core.removeChat(id, 'delete'),
    leaveChat: () => core.removeChat(id, 'leave'),
  }
}
