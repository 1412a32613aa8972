// The client against the real server.
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
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
    // The word of somebody typing is not kept: it is said again while the stream of the other one begins.
    await until('ann sees bob type', () => { chatB.setTyping(true); return chatA.getSnapshot().members.some(m => m.user.name === bob && m.typing) })
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
    const rows: number[] = []
    listA.subscribe(() => rows.push(listA.getSnapshot().chats.length))
    await listA.deleteChat(id)
    expect(rows).toEqual([0]) // it leaves at once, and does not flicker
    await expect(listB.deleteChat(await server.newChat('somebody'))).resolves.toBeUndefined() // unknown is as good as gone
    await until('it is gone', () => chatB.getSnapshot().gone && listB.getSnapshot().chats.every(c => c.id !== id))
  })
})

/** Gives the clients a browser's database, and its locks and channels if wanted. */
function browser(): void {
  Object.assign(globalThis, { indexedDB: new IDBFactory(), IDBKeyRange })
}
afterEach(() => { Reflect.deleteProperty(globalThis, 'indexedDB') })

/** How many jobs are stored, of all users. */
const stored = () => new Promise<number>((resolve, reject) => {
  const opening = indexedDB.open('studychat', 1)
  opening.onerror = () => reject(opening.error)
  opening.onsuccess = () => {
    const count = opening.result.transaction('jobs').objectStore('jobs').count()
    count.onsuccess = () => { opening.result.close(); resolve(count.result) }
  }
})

describe('when things break', () => {
  test('the server is killed and started again while messages are sent: each arrives once, in order, and none leaves the screen', async () => {
    const own = await startServer()
    const id = await own.newChat('ann')
    const options = { url: own.url, webSocketImpl: WebSocket, storage: 'memory' as const }
    const client = createStudychat({ ...options, getToken: () => sign('ann') })
    clients.push(client)
    const chat = client.chat(id)
    const seen = watch(chat)
    await until('open', () => client.status.getSnapshot() === 'online' && !chat.getSnapshot().isLoading)
    const words = Array.from({ length: 30 }, (_, i) => `word ${i}`)
    const sent: string[] = []
    for (const [i, word] of words.entries()) {
      sent.push(chat.send(word))
      if (i === 10) {
        await until('some are sent', () => chat.getSnapshot().messages.filter(m => m.state === 'sent').length > 3)
        await own.kill()
      }
      if (i === 20) await until('it is noticed', () => client.status.getSnapshot() === 'reconnecting')
    }
    await own.start()
    client.reconnect()
    await until('all are sent', () => chat.getSnapshot().messages.filter(m => m.state === 'sent').length === words.length)
    expect(await own.contents('ann', id)).toEqual(words)
    expect(texts(chat)).toEqual(words)
    let most = 0
    for (const { messages } of seen) {
      const ids = messages.map(m => m.id)
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids.length).toBeGreaterThanOrEqual(most) // none is gone in between
      most = ids.length
    }
  })

  test('offline: a chat, five messages and an edit, then a reload, and online: in order and once', async () => {
    browser()
    const own = await startServer()
    await own.newChat('ann')
    const make = () => {
      const client = connect('ann', { url: own.url, storage: 'indexeddb' })
      client.chats().subscribe(() => {})
      return client
    }
    const first = make()
    await until('online', () => first.status.getSnapshot() === 'online')
    await until('the outbox is persistent', () => first.viewer.getSnapshot() !== null)
    await own.kill()
    const id = first.chats().startNewChat({ title: 'Offline' })
    expect(first.chats().startNewChat({ title: 'Offline', id })).toBe(id)
    const chat = first.chat(id)
    watch(chat)
    const ids = [1, 2, 3, 4, 5].map(n => chat.send(`message ${n}`))
    chat.edit(ids[2]!, 'message 3, edited')
    await chat.rename('Offline, renamed')
    expect(texts(chat)).toEqual(['message 1', 'message 2', 'message 3, edited', 'message 4', 'message 5'])
    await until('all are written down', async () => await stored() === 6)
    first.close()

    const second = make()
    const again = second.chat(id)
    const seen = watch(again)
    await until('the outbox is there, offline', () => again.getSnapshot().messages.length === 5)
    expect(again.getSnapshot().chat).toMatchObject({ title: 'Offline, renamed', pending: true })
    expect(again.getSnapshot().messages[0]!.author.name).toBe('ann')
    await own.start()
    second.reconnect()
    await until('sent', () => again.getSnapshot().messages.every(m => m.state === 'sent' && m.change === null) && !again.getSnapshot().chat?.pending)
    expect(await own.contents('ann', id)).toEqual(['message 1', 'message 2', 'message 3, edited', 'message 4', 'message 5'])
    expect(seen.slice(1).every((s, i) => s.messages.length >= seen[i]!.messages.length)).toBe(true)
    await until('the outbox is empty', () => second.outbox.getSnapshot().items.length === 0)
  })

  test('two tabs share an outbox: what one writes the other shows, and it is sent once', async () => {
    browser()
    const id = await server.newChat('tab')
    const [one, two] = [connect('tab', { storage: 'indexeddb' }), connect('tab', { storage: 'indexeddb' })]
    const [a, b] = [one.chat(id), two.chat(id)]
    watch(a)
    watch(b)
    await until('both are open', () => [a, b].every(c => !c.getSnapshot().isLoading) && [one, two].every(c => c.viewer.getSnapshot()))
    for (let i = 0; i < 10; i++) { a.send(`a${i}`); b.send(`b${i}`) }
    await until('all are everywhere', () => [a, b].every(c => c.getSnapshot().messages.length === 20 && c.getSnapshot().messages.every(m => m.state === 'sent')))
    const stored = await server.contents('tab', id)
    for (const name of ['a', 'b']) expect(stored.filter(text => text.startsWith(name))).toEqual(Array.from({ length: 10 }, (_, i) => `${name}${i}`))
    expect(stored.length).toBe(20)
  })

  test('another user of the same browser does not send what the former one wrote, and signing out wipes it', async () => {
    browser()
    const own = await startServer()
    const id = await own.newChat('ann')
    const ann = connect('ann', { url: own.url, storage: 'indexeddb' })
    watch(ann.chat(id))
    await until('ann is known', () => ann.viewer.getSnapshot() !== null && !ann.chat(id).getSnapshot().isLoading)
    await own.kill()
    ann.chat(id).send('by ann')
    await until('it is written down', async () => await stored() === 1)
    ann.close()
    await own.start()
    const bob = connect('bob', { url: own.url, storage: 'indexeddb' })
    bob.chats().subscribe(() => {})
    await until('bob is known', () => bob.viewer.getSnapshot()?.name === 'bob')
    expect(bob.outbox.getSnapshot().items).toEqual([])
    expect(await own.contents('ann', id)).toEqual([])
    bob.close()
    const back = connect('ann', { url: own.url, storage: 'indexeddb' })
    watch(back.chat(id))
    await until('ann sends it', async () => (await own.contents('ann', id)).length === 1)
    await own.kill()
    back.chat(id).send('never sent')
    await until('it waits', () => back.outbox.getSnapshot().waiting === 1)
    await until('it is stored', async () => await stored() === 1)
    back.close()
    const idle = connect('ann', { url: own.url, storage: 'indexeddb' }) // it signs out before it has begun
    await idle.signOut()
    expect([idle.status.getSnapshot(), await stored()]).toEqual(['closed', 0])
    await own.start()
    const last = connect('ann', { url: own.url, storage: 'indexeddb' })
    watch(last.chat(id))
    await until('open', () => last.chat(id).getSnapshot().messages.length === 1 && last.viewer.getSnapshot() !== null)
    expect(last.outbox.getSnapshot().items).toEqual([])
  })

  test('IndexedDB is refused: the outbox works in memory, and says so', async () => {
    Object.assign(globalThis, { indexedDB: { open() { throw new DOMException('private', 'SecurityError') } } })
    const id = await server.newChat('private')
    const client = connect('private', { storage: 'indexeddb' })
    const chat = client.chat(id)
    watch(chat)
    chat.send('hello')
    await until('sent', () => chat.getSnapshot().messages[0]?.state === 'sent')
    expect(client.outbox.getSnapshot().persistent).toBe(false)
  })

  test('the database is restored from a backup: the streams say so, and what is gone leaves the screen', async () => {
    const own = await startServer()
    const id = await own.newChat('ann', 'before')
    await own.send('ann', id, 'kept')
    await own.kill('SIGTERM')
    own.backUp()
    await own.start()
    const client = connect('ann', { url: own.url })
    const list = client.chats(), chat = client.chat(id)
    list.subscribe(() => {})
    watch(chat)
    for (const word of ['one', 'two', 'three']) await own.send('ann', id, word)
    const lost = await own.newChat('ann', 'lost')
    await until('all is there', () => texts(chat).length === 4 && list.getSnapshot().chats[0]?.id === lost)
    await own.kill()
    own.restore()
    await own.start()
    client.reconnect()
    await until('the window is that of the backup', () => texts(chat).length === 1)
    await until('so is the list', () => list.getSnapshot().chats.length === 1)
    await own.send('ann', id, 'after')
    await until('it goes on', () => texts(chat).join() === 'kept,after' && list.getSnapshot().chats[0]?.lastMessage?.content === 'after')
  })

  test.each(['answer', 'event'] as const)('the %s to a message is held back: the bubble stays, once, and becomes `sent` by the other', async held => {
    const id = await server.newChat(`held-${held}`)
    let release = () => {}
    const gate = new Promise<void>(resolve => { release = resolve })
    class Slow extends WebSocket {
      #last: Promise<void> = Promise.resolve()
      constructor(url: string, protocol: string) {
        super(url, protocol)
        Object.defineProperty(this, 'onmessage', { set: (listener: (event: unknown) => void) => this.addEventListener('message', event => {
          const wait = held === 'event' && String(event.data).includes('MessageSent') ? gate : undefined
          this.#last = this.#last.then(() => wait).then(() => listener(event))
        }) })
      }
    }
    const real = globalThis.fetch
    globalThis.fetch = async (input, init) => {
      const response = await real(input, init)
      if (held === 'answer' && String(init?.body).includes('sendMessage')) await gate
      return response
    }
    try {
      const client = connect(`held-${held}`, { webSocketImpl: Slow })
      const chat = client.chat(id)
      const seen = watch(chat)
      await until('open', () => !chat.getSnapshot().isLoading && client.status.getSnapshot() === 'online')
      const message = chat.send('hello')
      const from = seen.length - 1
      await until('it is sent', () => chat.getSnapshot().messages[0]?.state === 'sent')
      release()
      await until('the outbox is empty', () => client.outbox.getSnapshot().items.length === 0)
      await server.send(`held-${held}`, id, 'the next')
      await until('both came', () => texts(chat).length === 2)
      const states = seen.slice(from).map(s => s.messages.filter(m => m.id === message).map(m => m.state).join())
      expect(states.filter((state, i) => state !== states[i - 1])).toEqual(['queued', 'sending', 'sent'])
    } finally {
      globalThis.fetch = real
    }
  })

  test('a chat is started, and its event is faster than the answer: it opens all the same', async () => {
    let release = () => {}
    const gate = new Promise<void>(resolve => { release = resolve })
    const real = globalThis.fetch
    globalThis.fetch = async (input, init) => {
      const response = await real(input, init)
      if (String(init?.body).includes('createChat')) await gate
      return response
    }
    try {
      const client = connect('starter')
      client.chats().subscribe(() => {})
      await until('online', () => client.status.getSnapshot() === 'online' && client.viewer.getSnapshot() !== null)
      const id = client.chats().startNewChat({ title: 'Started' })
      const chat = client.chat(id)
      watch(chat)
      await until('the event confirms it', () => client.outbox.getSnapshot().items.length === 0)
      await until('it is open', () => chat.getSnapshot().chat?.pending === false && chat.getSnapshot().members.length === 1)
      expect(client.chats().getSnapshot().chats.map(c => c.pending)).toEqual([false])
      release()
    } finally {
      release()
      globalThis.fetch = real
    }
  })

  test('a double click sends once, and an error that stays is shown, retried and dropped', async () => {
    const id = await server.newChat('click')
    const client = connect('click')
    const chat = client.chat(id)
    watch(chat)
    await until('open', () => !chat.getSnapshot().isLoading)
    const message = crypto.randomUUID()
    chat.send('once', { id: message })
    chat.send('once', { id: message })
    await until('sent', () => chat.getSnapshot().messages[0]?.state === 'sent')
    chat.send('once', { id: message })
    const long = chat.send('x'.repeat(16_001))
    await until('failed', () => chat.getSnapshot().messages.at(-1)?.state === 'failed')
    expect(chat.getSnapshot().messages.at(-1)!.error).toMatchObject({ code: 'BAD_USER_INPUT' })
    chat.edit(long, 'short')
    chat.retry(long)
    await until('sent too', () => chat.getSnapshot().messages.at(-1)?.state === 'sent')
    chat.discard(chat.send('x'.repeat(16_001)))
    expect(await server.contents('click', id)).toEqual(['once', 'short'])
    expect(texts(chat)).toEqual(['once', 'short'])
  })

  test.each(['ws', 'sse'] as const)('the token ends while connected over %s: the client goes on with a new one', async transport => {
    const user = `short-${transport}`
    const id = await server.newChat(user)
    let asked = 0
    const client = connect(user, { transport, getToken: () => { asked++; return sign(user, 2) } })
    const chat = client.chat(id)
    watch(chat)
    const states = new Set<string>()
    await until('open', () => client.status.getSnapshot() === 'online')
    client.status.subscribe(() => states.add(client.status.getSnapshot()))
    const since = performance.now()
    await until('longer than two tokens live', () => performance.now() - since > 4_500)
    await server.send(user, id, 'after')
    await until('the message arrives', () => texts(chat).at(-1) === 'after')
    expect(asked).toBeGreaterThan(3)
    expect(states.has('refused')).toBe(false)
    if (transport === 'ws') expect([...states]).toEqual([]) // the connection stayed
  })

  test('a token that stays refused is told, nothing is lost, and signing in goes on', async () => {
    const id = await server.newChat('night')
    let good = false
    const client = connect('night', { getToken: () => (good ? sign('night') : sign('night', -100)) })
    const chat = client.chat(id)
    watch(chat)
    await until('refused', () => client.status.getSnapshot() === 'refused')
    chat.send('written meanwhile')
    expect(chat.getSnapshot().messages[0]?.state).toBe('queued')
    good = true
    client.reconnect()
    await until('online', () => client.status.getSnapshot() === 'online' && chat.getSnapshot().messages[0]?.state === 'sent')
  })

  test('the token of another user is not used', async () => {
    const id = await server.newChat('carl')
    let user = 'carl'
    const client = connect('carl', { getToken: () => sign(user) })
    const chat = client.chat(id)
    watch(chat)
    await until('open', () => client.viewer.getSnapshot()?.name === 'carl' && !chat.getSnapshot().isLoading)
    user = 'dora'
    chat.send('by carl')
    await until('refused', () => client.status.getSnapshot() === 'refused')
    expect(chat.getSnapshot().messages[0]?.state).not.toBe('failed')
    user = 'carl'
    client.reconnect()
    await until('sent', () => chat.getSnapshot().messages[0]?.state === 'sent')
  })

  test('the clock of this computer is wrong by a day: times are the server\'s, and the order is right', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_000 })
    try {
      const id = await server.newChat('clock')
      await server.send('clock', id, 'first')
      const client = connect('clock')
      const chat = client.chat(id)
      watch(chat)
      const real = () => performance.timeOrigin + performance.now()
      await until('the time is known', () => client.status.getSnapshot() === 'online' && Math.abs(client.now() - real()) < 10_000)
      chat.send('second')
      expect(Math.abs(Date.parse(chat.getSnapshot().messages[1]!.createdAt) - real())).toBeLessThan(10_000)
      await until('sent', () => chat.getSnapshot().messages[1]?.state === 'sent')
      await server.send('clock', id, 'third')
      await until('in order', () => texts(chat).join() === 'first,second,third')
    } finally {
      vi.useRealTimers()
    }
  })

  test('older pages, a jump to a message, and back to the newest; the window is bounded', async () => {
    const id = await server.newChat('reader')
    const ids: string[] = []
    for (let i = 0; i < 260; i++) ids.push(await server.send('reader', id, `m${i}`))
    const client = connect('reader', { windowSize: 100 })
    const chat = client.chat(id)
    watch(chat)
    await until('open', () => chat.getSnapshot().messages.length === 50)
    while (chat.getSnapshot().hasOlder) await chat.loadOlder()
    expect(texts(chat)[0]).toBe('m0')
    expect(chat.getSnapshot().messages.length).toBeLessThanOrEqual(150)
    expect(chat.getSnapshot().hasNewer).toBe(true)
    await chat.loadAround(ids[130]!)
    expect(texts(chat)).toContain('m130')
    await expect(chat.loadAround(crypto.randomUUID())).rejects.toMatchObject({ code: 'NOT_FOUND' })
    chat.send('from far away')
    expect(texts(chat).at(-1)).toBe('from far away')
    await until('the window is at the end', () => !chat.getSnapshot().hasNewer && chat.getSnapshot().messages.at(-1)?.state === 'sent')
    expect(texts(chat).slice(-3)).toEqual(['m258', 'm259', 'from far away'])
  })
})
