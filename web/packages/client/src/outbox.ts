import { asError, StudychatError } from './errors.js'
import type { Lock } from './lock.js'
import type { Job, JobStorage } from './storage.js'
import { Value } from './store.js'
import { backOff } from './time.js'
import type { OutboxItem, OutboxSnapshot, OutboxStore } from './types.js'

/** A thing to send, and whether it is being sent at this moment, by this tab. */
export interface Entry {
  readonly job: Job
  readonly sending: boolean
}

/** What the outbox needs of the world. */
export interface OutboxPorts {
  /** Sends a job. The call may be repeated: each job carries ids, and the server answers the same. */
  perform(job: Job): Promise<unknown>
  /** The server has a job: shows its answer, before the outbox forgets the job. Other tabs are told the same. */
  done(job: Job, answer: unknown): void
  /** The entries have changed. */
  changed(): void
}

/** Where the outbox lives, once the user is known. */
export interface Home {
  readonly storage: JobStorage
  readonly lock: Lock
  readonly channel: BroadcastChannel | null
}

type News = { readonly type: 'changed' } | { readonly type: 'done'; readonly job: Job; readonly answer: unknown } | { readonly type: 'signedOut' }

// How many ids are remembered of what was sent, so that a late second click sends nothing.
const REMEMBERED = 1000

/** All that waits to be sent: one queue per chat, first in, first out. What fails for good steps aside and waits for the user. */
export class Outbox {
  readonly view = new Value<OutboxSnapshot>({ items: [], waiting: 0, failed: 0, persistent: false })
  #entries: readonly Entry[] = []
  readonly #items = new WeakMap<Entry, OutboxItem>()
  readonly #finished = new Set<string>()
  /** Per chat: when to try again (performance.now), and how often it has failed. */
  readonly #waits = new Map<string, { until: number; tries: number }>()
  readonly #active = new Map<string, Promise<void>>() // chats whose queue is being sent
  #holdUntil = 0 // RATE_LIMITED is about the user, so about all chats
  #home: Home | null = null
  #onHome: (home: Home) => void = () => {}
  #homeKnown: Promise<Home>
  #mayDrain = false
  #draining = false
  #again = false
  #closed = false
  #timer: ReturnType<typeof setTimeout> | undefined

  readonly #ports: OutboxPorts
  readonly #onSignedOut: () => void

  constructor(ports: OutboxPorts, onSignedOut: () => void = () => {}) {
    this.#ports = ports
    this.#onSignedOut = onSignedOut
    this.#homeKnown = new Promise(resolve => { this.#onHome = resolve })
  }

  /** What waits, in the order in which it was written. */
  all(): readonly Entry[] {
    return this.#entries
  }

  of(chatId: string): readonly Entry[] {
    return this.#entries.filter(e => e.job.chatId === chatId)
  }

  has(id: string): boolean {
    return this.#finished.has(id) || this.#entries.some(e => e.job.id === id)
  }

  /** Gives the outbox its place: what is stored there joins what waits. `drain` follows when the server has confirmed the user. */
  async settle(home: Home): Promise<void> {
    if (this.#closed) return
    this.#home = home
    if (home.channel) home.channel.onmessage = ({ data }: MessageEvent<News>) => this.#hear(data)
    this.#onHome(home)
    await this.#sync(home)
  }

  /** Another user: what waits for the former one stays stored for that one, and is not shown. */
  unsettle(): void {
    this.#home?.channel?.close()
    this.#home = null
    this.#mayDrain = false
    this.#homeKnown = new Promise(resolve => { this.#onHome = resolve })
    this.#set(this.#entries.filter(e => e.job.n === 0))
  }

  /** Adds a thing to send. An id that is there already, or was sent, adds nothing. */
  add(job: Omit<Job, 'n' | 'state' | 'attempts' | 'error'>): void {
    if (this.#closed || this.has(job.id)) return
    const entry: Entry = { job: { ...job, n: 0, state: 'queued', attempts: 0, error: null }, sending: false }
    this.#set([...this.#entries, entry])
    void this.#store(entry.job)
  }

  /** Changes the text of a message that waits. Returns false if the server may have it: then the change is a job of its own. */
  rewrite(id: string, text: string, otherwise: () => void): boolean {
    const entry = this.#find(id)
    if (!entry || entry.sending || (entry.job.attempts > 0 && entry.job.state !== 'failed')) return false
    this.#replace(id, { ...entry.job, text })
    void this.#homeKnown.then(async home => {
      let sent = true // by another tab, or at this moment
      await home.storage.update(id, job => {
        sent = job.attempts > entry.job.attempts
        return sent ? job : { ...job, text }
      })
      if (sent) otherwise()
      this.#tell({ type: 'changed' })
    }).catch(() => {})
    return true
  }

  retry(id?: string): void {
    for (const { job } of this.#entries) {
      if (job.state !== 'failed' || (id !== undefined && job.id !== id)) continue
      const queued: Job = { ...job, state: 'queued', error: null }
      this.#replace(job.id, queued)
      this.#waits.delete(job.chatId)
      void this.#update(job.id, stored => ({ ...stored, state: 'queued', error: null })).then(() => this.#kick())
    }
  }

  /** Drops what is not being sent. A chat that will not be started takes its messages with it. */
  discard(id: string): void {
    const entry = this.#find(id)
    if (!entry || entry.sending) return
    const ids = entry.job.kind === 'createChat' ? this.of(entry.job.chatId).map(e => e.job.id) : [id]
    this.#set(this.#entries.filter(e => !ids.includes(e.job.id)))
    for (const each of ids) void this.#update(each, () => null)
    this.#kick()
  }

  /** An event says that the server has it. */
  confirm(id: string): void {
    const entry = this.#find(id)
    if (!entry) return
    this.#forget(entry.job)
    void this.#update(id, () => null)
    this.#kick()
  }

  /** Sends what waits, from now on: the server has said who the user is. */
  drain(): void {
    this.#mayDrain = true
    this.#kick()
  }

  /** Tries again now: the network is back. A limit of the server still counts. */
  wake(): void {
    this.#waits.clear()
    this.#kick()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#home?.channel?.close()
  }

  async wipe(): Promise<void> {
    const home = this.#home
    this.#tell({ type: 'signedOut' })
    this.close()
    this.#set([])
    await home?.storage.wipe()
  }

  readonly store$: OutboxStore = {
    subscribe: this.view.subscribe, getSnapshot: this.view.getSnapshot,
    retry: id => this.retry(id), discard: id => this.discard(id),
  }

  // ---- sending ----

  #kick(): void {
    clearTimeout(this.#timer)
    if (!this.#mayDrain || this.#closed || !this.#home) return
    if (this.#draining) {
      this.#again = true
      this.#fill()
      return
    }
    const wait = this.#nextWait()
    if (wait > 0) {
      if (wait < Infinity) this.#timer = setTimeout(() => this.#kick(), wait)
      return
    }
    this.#draining = true
    this.#again = false
    void this.#run(this.#home).catch(() => {}).finally(() => {
      this.#draining = false
      this.#fill = () => {}
      if (this.#again) this.#kick()
      else this.#schedule()
    })
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    const wait = this.#nextWait()
    if (wait < Infinity && !this.#closed) this.#timer = setTimeout(() => this.#kick(), Math.max(wait, 10))
  }

  // nextWait says in how many ms the first queue may go on: 0 for now, Infinity if nothing waits.
  #nextWait(): number {
    const now = performance.now()
    const waits = this.#chats().map(id => Math.max(this.#holdUntil, this.#waits.get(id)?.until ?? 0) - now)
    return waits.length > 0 ? Math.max(0, Math.min(...waits)) : Infinity
  }

  // chats are those with something to send.
  #chats(): string[] {
    return [...new Set(this.#entries.map(e => e.job.chatId))].filter(id => this.#head(id))
  }

  // head is what a chat sends next. What failed steps aside; but without the chat itself nothing can follow.
  #head(chatId: string): Job | undefined {
    const jobs = this.of(chatId).map(e => e.job)
    if (jobs.some(job => job.kind === 'createChat' && job.state === 'failed')) return undefined
    const next = jobs.find(job => job.state === 'queued')
    return next && next.n > 0 ? next : undefined
  }

  #fill: () => void = () => {}

  async #run(home: Home): Promise<void> {
    await home.lock(async held => {
      await this.#sync(home) // another tab may have sent or written something meanwhile
      this.#fill = () => {
        if (!held() || this.#home !== home || this.#closed) return
        const now = performance.now()
        for (const id of this.#chats()) {
          if (this.#active.has(id) || Math.max(this.#holdUntil, this.#waits.get(id)?.until ?? 0) > now) continue
          this.#active.set(id, this.#sendChat(home, id, held).catch(() => this.#downgrade(home)).finally(() => this.#active.delete(id)))
        }
      }
      this.#fill()
      while (this.#active.size > 0) {
        await Promise.race(this.#active.values())
        this.#fill() // what was written meanwhile
      }
    })
  }

  // sendChat sends a chat's queue until it is empty or has to wait.
  async #sendChat(home: Home, chatId: string, held: () => boolean): Promise<void> {
    for (let job = this.#head(chatId); job && held() && this.#home === home && !this.#closed; job = this.#head(chatId)) {
      if (performance.now() < this.#holdUntil) return
      // From now on the server may have it: written down before it is sent.
      const claimed = await home.storage.update(job.id, stored => (stored.state === 'queued' ? { ...stored, attempts: stored.attempts + 1 } : stored))
      if (!claimed) { this.#set(this.#entries.filter(e => e.job.id !== job!.id)); continue } // another tab has sent or dropped it
      this.#replace(job.id, claimed, claimed.state === 'queued')
      if (claimed.state !== 'queued') continue
      try {
        const answer = await this.#ports.perform(claimed)
        await this.#succeed(home, claimed, answer)
      } catch (thrown) {
        if (await this.#stumble(home, claimed, asError(thrown))) return
      }
    }
  }

  async #succeed(home: Home, job: Job, answer: unknown): Promise<void> {
    this.#waits.delete(job.chatId)
    if (this.#home !== home || this.#closed) return
    if (this.#find(job.id)) { // else an event was faster
      this.#ports.done(job, answer)
      this.#forget(job)
    }
    this.#tell({ type: 'done', job, answer })
    await home.storage.update(job.id, () => null)
  }

  // stumble returns whether the chat's queue has to wait.
  async #stumble(home: Home, job: Job, error: StudychatError): Promise<boolean> {
    const current = this.#find(job.id)?.job
    if (!current || this.#home !== home) return false // an event was faster, or the user is another
    const passing = error.passing || (error.code === 'INTERNAL' && job.attempts < 2)
    if (passing) {
      this.#replace(job.id, current)
      this.#fail(job.chatId, error)
      return true
    }
    const failed = { state: 'failed', error: { code: error.code, message: error.message, field: error.field } } as const
    this.#replace(job.id, { ...current, ...failed })
    await home.storage.update(job.id, stored => ({ ...stored, ...failed }))
    this.#tell({ type: 'changed' })
    return false
  }

  #fail(chatId: string, error: StudychatError): void {
    const tries = this.#waits.get(chatId)?.tries ?? 0
    const least = error.retryAfterMs ?? 0
    const until = performance.now() + least + (least ? Math.random() * 250 : backOff(tries))
    if (error.code === 'RATE_LIMITED') this.#holdUntil = until
    this.#waits.set(chatId, { until, tries: tries + 1 })
  }

  // ---- what is known ----

  #find(id: string): Entry | undefined {
    return this.#entries.find(e => e.job.id === id)
  }

  #forget(job: Job): void {
    this.#finished.add(job.id)
    if (this.#finished.size > REMEMBERED) this.#finished.delete(this.#finished.values().next().value as string)
    this.#set(this.#entries.filter(e => e.job.id !== job.id))
  }

  #replace(id: string, job: Job, sending = false): void {
    this.#set(this.#entries.map(e => (e.job.id === id ? { job, sending } : e)))
  }

  async #store(job: Job): Promise<void> {
    const home = await this.#homeKnown
    if (this.#closed) return // signed out meanwhile
    try {
      const stored = await home.storage.add(job)
      const now = this.#find(job.id)
      if (now) this.#set(this.#entries.map(e => (e === now ? { job: { ...now.job, n: stored.n }, sending: false } : e)).sort(byPlace))
    } catch {
      return this.#downgrade(home)
    }
    this.#tell({ type: 'changed' })
    this.#kick()
  }

  /** Called when the storage fails: the browser has taken it away, or the disk is full. The outbox goes on in memory. */
  onStorageLost: (jobs: readonly Job[]) => Promise<Home> = () => Promise.reject(new Error('no other storage'))

  async #downgrade(from: Home): Promise<void> {
    if (this.#home !== from || this.#closed) return
    this.#home = null // the next failure finds it done
    const home = await this.onStorageLost(this.#entries.map(e => e.job))
    this.#homeKnown = Promise.resolve(home)
    this.#home = home
    await this.#sync(home)
    this.#kick()
  }

  async #update(id: string, change: (job: Job) => Job | null): Promise<void> {
    const home = await this.#homeKnown
    await home.storage.update(id, change).catch(() => {})
    this.#tell({ type: 'changed' })
  }

  // sync takes what is stored: it is what all tabs agree on. What this tab has not stored yet stays at the end.
  async #sync(home: Home): Promise<void> {
    const jobs = await home.storage.load()
    if (this.#home !== home || this.#closed) return
    const known = new Map(this.#entries.map(e => [e.job.id, e]))
    const stored = jobs.filter(job => !this.#finished.has(job.id)).map(job => {
      const entry = known.get(job.id)
      return entry && (entry.sending || entry.job.n === 0 || sameJob(entry.job, job)) ? { ...entry, job: { ...entry.job, n: job.n } } : { job, sending: false }
    })
    const ids = new Set(jobs.map(job => job.id))
    const own = this.#entries.filter(e => !ids.has(e.job.id) && (e.job.n === 0 || e.sending))
    this.#set([...stored, ...own].sort(byPlace).map(e => {
      const entry = known.get(e.job.id)
      return entry && entry.sending === e.sending && sameJob(entry.job, e.job) ? entry : e
    }))
  }

  #hear(news: News): void {
    const home = this.#home
    if (this.#closed || !home) return
    if (news.type === 'signedOut') return this.#onSignedOut()
    if (news.type === 'changed') return void this.#sync(home).then(() => this.#kick()).catch(() => {})
    this.#ports.done(news.job, news.answer)
    this.#forget(news.job)
  }

  #tell(news: News): void {
    try {
      this.#home?.channel?.postMessage(news)
    } catch { /* the channel is closed */ }
  }

  #set(entries: readonly Entry[]): void {
    if (entries.length === this.#entries.length && entries.every((e, i) => e === this.#entries[i])) return
    this.#entries = entries
    this.#show()
    this.#ports.changed()
  }

  #show(): void {
    const items = this.#entries.map(entry => {
      const known = this.#items.get(entry)
      if (known) return known
      const { id, chatId, kind, text } = entry.job
      const item: OutboxItem = { id, chatId, kind, text, state: stateOf(entry), error: errorOf(entry.job) }
      this.#items.set(entry, item)
      return item
    })
    const failed = items.filter(item => item.state === 'failed').length
    this.view.set({ items, failed, waiting: items.length - failed, persistent: this.#home?.storage.persistent ?? false })
  }
}

/** How an entry is shown. */
export const stateOf = ({ job, sending }: Entry): OutboxItem['state'] => (sending ? 'sending' : job.state)

/** The error of a job, as an error again. */
export const errorOf = ({ error }: Job): StudychatError | null => error && new StudychatError(error.code, error.message, error.field)

const byPlace = (a: Entry, b: Entry) => (a.job.n || Infinity) - (b.job.n || Infinity) || 0

const sameJob = (a: Job, b: Job) => a.n === b.n && a.state === b.state && a.text === b.text && a.attempts === b.attempts
