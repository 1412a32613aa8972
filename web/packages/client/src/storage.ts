import type { StudychatErrorCode } from './errors.js'
import type { MessageFieldsFragment } from './generated.js'
import type { OutboxItem, User } from './types.js'

/** What the outbox keeps of a thing to send. It is stored as it is: no functions, no classes. */
export interface Job {
  /** The place in the queue, given by the storage; 0 until then. */
  readonly n: number
  readonly id: string
  readonly chatId: string
  readonly kind: OutboxItem['kind']
  readonly state: 'queued' | 'failed'
  /** How often it was tried: if ever, the server may have it. */
  readonly attempts: number
  readonly error: { readonly code: StudychatErrorCode; readonly message: string; readonly field: string | null } | null
  /** When it was written, by an estimate of the server's clock. */
  readonly at: string
  /** The message's text, or the chat's title. */
  readonly text: string
  readonly moduleId?: string | null
  readonly userId?: string
  /** The message that an edit or a removal changes. */
  readonly messageId?: string
  readonly replyTo?: MessageFieldsFragment['replyTo']
}

/** Where the outbox of one user is kept. All tabs of an origin share one IndexedDB, so each change is one transaction. */
export interface JobStorage {
  readonly persistent: boolean
  /** The jobs in their order. */
  load(): Promise<Job[]>
  /** Adds a job at the end, and returns it with its place. A job of the same id stays as it is. */
  add(job: Job): Promise<Job>
  /** Changes a job in one transaction: `change` returns the new one, or null to remove it. Returns what is stored then. */
  update(id: string, change: (job: Job) => Job | null): Promise<Job | null>
  /** Takes the right to send, for so long, unless another tab has it. Only needed where there are no Web Locks. */
  lease(owner: string, ms: number): Promise<boolean>
  wipe(): Promise<void>
}

/** A storage that ends with the page. */
export function memoryStorage(): JobStorage {
  let jobs: Job[] = []
  let n = 0
  return {
    persistent: false,
    load: async () => [...jobs],
    async add(job) {
      const known = jobs.find(j => j.id === job.id)
      if (known) return known
      const stored = { ...job, n: ++n }
      jobs.push(stored)
      return stored
    },
    async update(id, change) {
      const job = jobs.find(j => j.id === id)
      if (!job) return null
      const next = change(job)
      jobs = next ? jobs.map(j => (j === job ? next : j)) : jobs.filter(j => j !== job)
      return next
    },
    lease: async () => true,
    wipe: async () => { jobs = [] },
  }
}

/** Who used a server last, and whom that user's token was for, where that could be read from it. */
export interface LastUser {
  readonly user: User
  readonly subject: string | null
}

/** The browser's database, with the outboxes of all users, and the last user of each server. */
export interface Disk {
  jobs(user: string): JobStorage
  lastUser(server: string): Promise<LastUser | null>
  setLastUser(server: string, last: LastUser | null): Promise<void>
  close(): void
}

const done = <T>(request: IDBRequest<T>) => new Promise<T>((resolve, reject) => {
  request.onsuccess = () => resolve(request.result)
  request.onerror = () => reject(request.error)
})

const finished = (transaction: IDBTransaction) => new Promise<void>((resolve, reject) => {
  transaction.oncomplete = () => resolve()
  transaction.onabort = transaction.onerror = () => reject(transaction.error)
})

/** Opens IndexedDB. It rejects where the browser refuses that: in some private modes, with site data blocked, outside browsers. */
export async function openDisk(name = 'studychat'): Promise<Disk> {
  const opening = indexedDB.open(name, 1)
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore('jobs', { keyPath: 'n', autoIncrement: true }).createIndex('user', 'user')
    opening.result.createObjectStore('meta')
  }
  const db = await Promise.race([
    done(opening),
    new Promise<never>((_, reject) => setTimeout(() => reject(new Error('IndexedDB does not answer')), 3_000)),
  ])
  db.onversionchange = () => db.close()

  async function meta<T>(key: string, change: (value: T | undefined) => T | null | undefined): Promise<T | undefined> {
    const transaction = db.transaction('meta', 'readwrite')
    const store = transaction.objectStore('meta')
    const value = (await done(store.get(key))) as T | undefined
    const next = change(value)
    if (next === null) store.delete(key)
    else if (next !== undefined) store.put(next, key)
    await finished(transaction)
    return value
  }

  function jobs(user: string): JobStorage {
    // within runs in one transaction, with the user's jobs.
    async function within<T>(body: (all: (Job & { user: string })[], store: IDBObjectStore) => T | Promise<T>): Promise<T> {
      const transaction = db.transaction('jobs', 'readwrite')
      const store = transaction.objectStore('jobs')
      const end = finished(transaction)
      end.catch(() => {}) // it is awaited below, unless the body throws first
      const result = await body(await done(store.index('user').getAll(user)), store)
      await end
      return result
    }
    return {
      persistent: true,
      load: () => within(all => all),
      add: job => within(async (all, store) => {
        const known = all.find(j => j.id === job.id)
        if (known) return known
        const { n: _, ...fields } = { ...job, user }
        const n = await done(store.add(fields))
        return { ...job, n: n as number }
      }),
      update: (id, change) => within((all, store) => {
        const job = all.find(j => j.id === id)
        if (!job) return null
        const next = change(job)
        if (next) store.put({ ...next, user })
        else store.delete(job.n)
        return next
      }),
      async lease(owner, ms) {
        let mine = false
        await meta<{ owner: string; until: number }>(`lease ${user}`, held => {
          mine = !held || held.owner === owner || held.until < Date.now() || held.until > Date.now() + 60_000
          return mine ? { owner, until: Date.now() + ms } : undefined
        })
        return mine
      },
      wipe: () => within((all, store) => { for (const job of all) store.delete(job.n) }),
    }
  }

  return {
    jobs,
    lastUser: async server => (await meta<LastUser>(`last user ${server}`, () => undefined)) ?? null,
    setLastUser: async (server, last) => { await meta<LastUser>(`last user ${server}`, () => last) },
    close: () => db.close(),
  }
}

/** A short name for a user of a server. It keeps outboxes apart and hides nothing. */
export function hash(text: string): string {
  let a = 0xdeadbeef, b = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 2654435761)
    b = Math.imul(b ^ code, 1597334677)
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36)
}
