import { Access, Http } from './access.js'
import { Chat } from './chat.js'
import { Chats } from './chats.js'
import { Connection, type Transport } from './connection.js'
import type { Core } from './core.js'
import { asError } from './errors.js'
import * as ops from './generated.js'
import { createLock } from './lock.js'
import { Outbox } from './outbox.js'
import type { Home } from './outbox-sender.js'
import { socketTransport } from './socket.js'
import { hash, memoryStorage, openDisk, type Disk, type Job } from './storage.js'
import { Value } from './store.js'
import { backOff } from './time.js'
import type { Studychat, StudychatOptions, User } from './types.js'

// So many chats that nobody looks at keep their messages: going back to one shows them at once.
const KEPT = 8

/** Creates a client for one user. It connects when something is watched. */
export function createStudychat({ url, getToken, transport = 'ws', storage = 'indexeddb', windowSize = 400, webSocketImpl }: StudychatOptions): Studychat {
  const endpoint = globalThis.location ? new URL(url, location.href).href : url
  let closed = false, started = false
  let offset = 0 // of the server's clock
  let disk: Disk | null = null
  const wakers = new Set<() => void>()
  const viewer = new Value<User | null>(null)
  const openChats = new Map<string, Chat>()
  let retired: { readonly id: string; drop(): void }[] = []

  const access = new Access(getToken, () => connection.tokenRefused())
  const http = new Http(endpoint, access)
  const carrier = transport === 'ws' ? socketTransport(endpoint, access, webSocketImpl) : lazy(() => import('./eventstream.js').then(m => m.eventStreamTransport(endpoint, access)))
  const connection = new Connection(carrier, access, () => {
    for (const wake of [...wakers]) wake()
    outbox.wake()
  })
  const outbox = new Outbox({
    perform: job => perform(core, job),
    done: (job, answer) => done(job, answer as Answer),
    changed: () => {
      chats.show()
      for (const chat of openChats.values()) chat.show()
    },
  }, () => end())

  const core: Core = {
    connection, outbox, viewer, windowSize: Math.max(100, windowSize),
    request: async (document, variables) => {
      const data = await http.request(document, variables)
      connection.answered()
      return data
    },
    async persist(request, { alive, failed }) {
      for (let tries = 0; ; tries++) {
        try {
          return await request()
        } catch (thrown) {
          const error = asError(thrown)
          if (!error.passing || closed || !alive()) throw error
          failed?.(error)
          await pause(Math.max(error.retryAfterMs ?? 0, backOff(tries)))
          if (closed || !alive()) throw error
        }
      }
    },
    now: () => Date.now() + offset,
    setTime: at => { if (Math.abs(Date.parse(at) - core.now()) > 2_000) offset = Date.parse(at) - Date.now() },
    tellChat: chat => {
      chats.apply(chat)
      openChats.get(chat.id)?.tell(chat)
    },
    chatGone: id => {
      chats.gone(id)
      openChats.get(id)?.gone()
    },
    messageSent: (chatId, entry) => {
      openChats.get(chatId)?.messageSent(entry)
      outbox.confirm(entry.node.id)
    },
    renameChat: async (chatId, title) => {
      // A chat that waits to be started waits with its new title.
      const waits = outbox.of(chatId).some(e => e.job.kind === 'createChat')
      if (waits && outbox.rewrite(chatId, title, () => void core.renameChat(chatId, title).catch(() => {}))) return
      const { renameChat } = await core.request(ops.RenameChat, { input: { chatId, title } })
      core.tellChat(renameChat!.chat)
    },
    readHere: (id, seq, all) => chats.read(id, seq, all),
    retired: chat => {
      retired = [...retired.filter(c => c.id !== chat.id), chat]
      if (retired.length > KEPT) retired.shift()!.drop()
    },
    updateViewerState: (id, change) => chats.updateViewerState(id, change),
    removeChat: (id, how) => chats.remove(id, how),
    start: () => {
      if (started || closed) return
      started = true
      void begin()
    },
  }
  const chats: Chats = new Chats(core)

  function pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const wake = () => { clearTimeout(timer); wakers.delete(wake); resolve() }
      const timer = setTimeout(wake, ms)
      wakers.add(wake)
    })
  }

  // begin shows what the last user of this server had waiting, and sends it when the server has said that the user is the same.
  async function begin(): Promise<void> {
    if (storage === 'indexeddb') disk = await openDisk().catch(() => null)
    const known = (await disk?.lastUser(endpoint).catch(() => null)) ?? null
    // If the token is another user's: nothing of the last one is shown, and what is written until the server answers does not join what waits there.
    const subject = known && await Promise.race([access.subject().catch(() => null), pause(2_000)])
    const last = known && subject && known.subject && subject !== known.subject ? null : known?.user ?? null
    if (closed) return disk?.close()
    if (last) {
      viewer.set(last)
      await outbox.settle(home(last)).catch(() => {})
    }
    try {
      const { viewer: user } = await core.persist(() => core.request(ops.Viewer, {}), { alive: () => true })
      if (closed) return
      if (last?.id !== user.id) {
        if (last) outbox.unsettle()
        await outbox.settle(home(user)).catch(() => {})
      }
      viewer.set(user)
      void disk?.setLastUser(endpoint, { user, subject: access.acceptedSubject }).catch(() => {})
      outbox.drain()
    } catch { /* closed, or the server does not know this query: nothing will work */ }
  }

  const nameOf = (user: User) => `studychat ${hash(endpoint + user.id)}`

  function home(user: User): Home {
    const name = nameOf(user)
    const place = disk ? disk.jobs(name) : memoryStorage()
    return {
      storage: place, lock: createLock(name, place),
      channel: disk && globalThis.BroadcastChannel ? new BroadcastChannel(name) : null,
    }
  }

  outbox.onStorageLost = async jobs => {
    disk = null
    const place = memoryStorage()
    for (const job of jobs) await place.add(job)
    return { storage: place, lock: createLock('', place), channel: null }
  }

  function done(job: Job, answer: Answer): void {
    const { sendMessage, createChat, editMessage, deleteMessage, addMember } = answer
    const chat = openChats.get(job.chatId)
    if (sendMessage) {
      chat?.messageSent(sendMessage.messageEdge)
      if (sendMessage.chatEdge) core.tellChat(sendMessage.chatEdge.node)
    }
    if (createChat) core.tellChat(createChat.chat)
    const changed = editMessage ?? deleteMessage
    if (changed) chat?.messageChanged(changed.message)
    if (addMember) chat?.memberAdded(addMember.member)
  }

  function end(): void {
    if (closed) return
    closed = true
    connection.close()
    outbox.close()
    chats.close()
    for (const chat of openChats.values()) chat.close()
    for (const wake of [...wakers]) wake()
    disk?.close()
  }

  return {
    status: connection.status, viewer, outbox: outbox.store$,
    chats: ({ moduleId = null } = {}) => chats.store(moduleId),
    chat: id => {
      let chat = openChats.get(id)
      if (!chat) openChats.set(id, (chat = new Chat(id, core)))
      return chat.store
    },
    request: async (document, variables, options) => http.request(document as never, variables, options) as never,
    onEvent: listener => chats.onEvent(listener),
    now: core.now,
    reconnect: connection.reconnect,
    async signOut() {
      const place = disk ?? (storage === 'indexeddb' ? await openDisk().catch(() => null) : null)
      const user = viewer.getSnapshot() ?? (await place?.lastUser(endpoint).catch(() => null))?.user
      disk = null
      await outbox.wipe().catch(() => {})
      if (user) await place?.jobs(nameOf(user)).wipe().catch(() => {}) // also if this client has never begun
      await place?.setLastUser(endpoint, null).catch(() => {})
      end()
      place?.close()
    },
    close: end,
  }
}

type Answer = Partial<ops.SendMessageMutation & ops.CreateChatMutation & ops.EditMessageMutation & ops.DeleteMessageMutation & ops.AddMemberMutation>

function perform({ request }: Core, job: Job): Promise<unknown> {
  const { id, chatId, text, messageId = '', moduleId, userId = '' } = job
  switch (job.kind) {
    case 'createChat': return request(ops.CreateChat, { input: { id, title: text, moduleId } })
    case 'addMember': return request(ops.AddMember, { input: { chatId, userId } })
    case 'sendMessage': return request(ops.SendMessage, { input: { id, chatId, content: text, replyToId: job.replyTo?.id } })
    case 'editMessage': return request(ops.EditMessage, { input: { messageId, content: text } })
    case 'deleteMessage': return request(ops.DeleteMessage, { input: { messageId } })
  }
}

// lazy loads a carrier when the first stream needs it.
function lazy(load: () => Promise<Transport>): Transport {
  let loading: Promise<Transport> | undefined
  let loaded: Transport | undefined
  return {
    open(query, variables, sink) {
      let stop: (() => void) | undefined, stopped = false
      loading ??= load().then(transport => (loaded = transport))
      loading.then(transport => { if (!stopped) stop = transport.open(query, variables, sink) }, () => {
        loading = undefined
        sink.failed({ kind: 'lost' })
      })
      return () => { stopped = true; stop?.() }
    },
    check: () => loaded?.check(),
    close: () => loaded?.close(),
  }
}
