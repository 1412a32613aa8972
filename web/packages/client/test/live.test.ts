// The client against the real server.
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { createStudychat, type ChatSnapshot, type ChatStore, type Studychat, type StudychatOptions } from '../src/index.js'
import { sign, startServer, until, type Server } from './server.js'

let server: Server
beforeAll(async () => { server = await startServer() })

const clients: Studychat[] = []
afterEach(() => { for (const client of clients.splice(0)) client.close() })

function connect(user: string, options: Partial<StudychatOptions> = {}): Studychat {
  const client = createStudychat({ url: server.url, getToken: () => sign(user), webSocketImpl: WebSocket, storage: 'memory', ...options })
  clients.push(client)
  return client
}

/** Opens a chat and returns it with every snapshot that it showed. */
function watch(store: ChatStore): ChatSnapshot[] {
  const seen = [store.getSnapshot()]
  store.subscribe(() => seen.push(store.getSnapshot()))
  return seen
}

const texts = (store: ChatStore) => store.getSnapshot().messages.map(m => m.content)

describe.each(['ws', 'sse'] as const)('over %s', transport => {
  test('a list and an open chat are live', async () => {
    const [ann, bob] = [`ann-${transport}`, `bob-${transport}`]
    await server.newChat(bob, 'of bob')
    const a = connect(ann, { transport }), b = connect(bob, { transport })
    const listA = a.chats(), listB = b.chats()
    listA.subscribe(() => {})
    listB.subscribe(() => {})
    await until('both are online', () => a.status.getSnapshot() === 'online' && b.status.getSnapshot() === 'online')

    const id = listA.startNewChat({ title: 'Algebra', members: [bob], firstMessage: 'hello' })
    expect(listA.getSnapshot().chats.map(c => [c.title, c.pending])).toEqual([['Algebra', true]])
    await until('bob sees the chat', () => listB.getSnapshot().chats[0]?.title === 'Algebra' && listB.getSnapshot().chats[0]?.lastMessage?.content === 'hello')
    expect(listA.getSnapshot().chats.map(c => [c.title, c.pending])).toEqual([['Algebra', false]])

    const chatA = a.chat(id), chatB = b.chat(id)
    watch(chatA)
    watch(chatB)
    await until('both have opened it', () => texts(chatA).length === 1 && texts(chatB).length === 1)
    await until('both are online there', () => chatA.getSnapshot().members.filter(m => m.online).length === 2)
    chatB.setTyping(true)
    await until('ann sees bob type', () => chatA.getSnapshot().members.some(m => m.user.name === bob && m.typing))
    chatB.send('and hello to you')
    expect(chatB.getSnapshot().messages.at(-1)).toMatchObject({ content: 'and hello to you', state: 'queued' })
    await until('ann has it', () => texts(chatA).at(-1) === 'and hello to you')
    expect(chatA.getSnapshot().members.some(m => m.typing)).toBe(false)
    await until('it is unread', () => listA.getSnapshot().chats[0]?.viewerState.unreadCount === 1)
    chatA.markRead()
    expect(listA.getSnapshot().chats[0]?.viewerState.unreadCount).toBe(0)
    await until('bob sees that ann has read', () => {
      const { members, messages } = chatB.getSnapshot()
      return members.find(m => m.user.name === ann)?.readSeq === messages.at(-1)?.seq
    })
    await chatA.rename('Linear algebra')
    await until('bob sees the title', () => listB.getSnapshot().chats[0]?.title === 'Linear algebra' && chatB.getSnapshot().chat?.title === 'Linear algebra')
    chatB.edit(chatB.getSnapshot().messages.at(-1)!.id, 'edited')
    await until('the edit arrives', () => texts(chatA).at(-1) === 'edited' && chatB.getSnapshot().messages.at(-1)?.change === null)
    await listA.deleteChat(id)
    await until('it is gone', () => chatB.getSnapshot().gone && listB.getSnapshot().chats.every(c => c.id !== id))
  })
})
void IDBFactory
