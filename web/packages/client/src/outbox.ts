import { Entries, type Entry } from './outbox-entries.js'
import { Sender, type Home } from './outbox-sender.js'
import type { Job } from './storage.js'
import type { OutboxStore } from './types.js'

/** What the outbox needs of the world. */
export interface OutboxPorts {
  /** Sends a job. The call may be repeated: each job carries ids, and the server answers the same. */
  perform(job: Job): Promise<unknown>
  /** The server has a job: shows its answer, before the outbox forgets the job. Other tabs are told the same. */
  done(job: Job, answer: unknown): void
  /** The entries have changed. */
  changed(): void
}

type News = { readonly type: 'changed' } | { readonly type: 'done'; readonly job: Job; readonly answer: unknown } | { readonly type: 'signedOut' }

/**
 * All that waits to be sent. What fails for good steps aside and waits for the user. `Entries` is what this tab knows of it, `Sender`
 * sends it; this class keeps both, the storage and the other tabs in step.
 */
export class Outbox {
  readonly #entries: Entries
  readonly #sender: Sender
  #home: Home | null = null
  #onHome: (home: Home) => void = () => {}
  #homeKnown: Promise<Home>
  #closed = false

  readonly #ports: OutboxPorts
  readonly #onSignedOut: () => void

  constructor(ports: OutboxPorts, onSignedOut: () => void = () => {}) {
    this.#ports = ports
    this.#onSignedOut = onSignedOut
    this.#homeKnown = new Promise(resolve => { this.#onHome = resolve })
    this.#entries = new Entries(() => ports.changed(), () => this.#home?.storage.persistent ?? false)
    this.#sender = new Sender(this.#entries, {
      perform: job => ports.perform(job), done: (job, answer) => ports.done(job, answer),
      home: () => this.#home, sync: home => this.#sync(home), lost: home => this.#downgrade(home),
      tellDone: (job, answer) => this.#tell({ type: 'done', job, answer }), tellChanged: () => this.#tell({ type: 'changed' }),
    })
  }

  get view() {
    return this.#entries.view
  }

  /** What waits, in the order in which it was written. */
  all(): readonly Entry[] {
    return this.#entries.all()
  }

  of(chatId: string): readonly Entry[] {
    return this.#entries.of(chatId)
  }

  has(id: string): boolean {
    return this.#entries.isFinished(id) || this.#entries.find(id) !== undefined
  }

  // ---- what the user does ----

  /** Adds a thing to send. An id that is there already, or was sent, adds nothing. */
  add(job: Omit<Job, 'n' | 'state' | 'attempts' | 'error'>): void {
    if (this.#closed || this.has(job.id)) return
    const entry: Entry = { job: { ...job, n: 0, state: 'queued', attempts: 0, error: null }, sending: false }
    this.#entries.set([...this.all(), entry])
    void this.#store(entry.job)
  }

  /** Changes the text of a message that waits. Returns false if the server may have it: then the change is a job of its own. */
  rewrite(id: string, text: string, otherwise: () => void): boolean {
    const entry = this.#entries.find(id)
    if (!entry || entry.sending || (entry.job.attempts > 0 && entry.job.state !== 'failed')) return false
    this.#entries.replace(id, { ...entry.job, text })
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
    for (const { job } of this.all()) {
      if (job.state !== 'failed' || (id !== undefined && job.id !== id)) continue
      this.#entries.replace(job.id, { ...job, state: 'queued', error: null })
      this.#sender.hurry(job.chatId)
      void this.#update(job.id, stored => ({ ...stored, state: 'queued', error: null })).then(() => this.#sender.kick())
    }
  }

  /** Drops what is not being sent. A chat that will not be started takes its messages with it. */
  discard(id: string): void {
    const entry = this.#entries.find(id)
    if (!entry || entry.sending) return
    const ids = entry.job.kind === 'createChat' ? this.of(entry.job.chatId).map(e => e.job.id) : [id]
    this.#entries.drop(...ids)
    for (const each of ids) void this.#update(each, () => null)
    this.#sender.kick()
  }

  readonly store$: OutboxStore = {
    subscribe: listener => this.view.subscribe(listener), getSnapshot: () => this.view.getSnapshot(),
    retry: id => this.retry(id), discard: id => this.discard(id),
  }

  // ---- what happens ----

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
    this.#sender.allow(false)
    this.#homeKnown = new Promise(resolve => { this.#onHome = resolve })
    this.#entries.set(this.all().filter(e => e.job.n === 0))
  }

  /** Sends what waits, from now on: the server has said who the user is. */
  drain(): void {
    this.#sender.allow(true)
    this.#sender.kick()
  }

  /** Tries again now: the network is back. A limit of the server still counts. */
  wake(): void {
    this.#sender.hurry()
    this.#sender.kick()
  }

  /** An event says that the server has it. */
  confirm(id: string): void {
    const entry = this.#entries.find(id)
    if (!entry) return
    this.#entries.finish(entry.job)
    void this.#update(id, () => null)
    this.#sender.kick()
  }

  close(): void {
    this.#closed = true
    this.#sender.close()
    this.#home?.channel?.close()
  }

  async wipe(): Promise<void> {
    const home = this.#home
    this.#tell({ type: 'signedOut' })
    this.close()
    this.#entries.set([])
    await home?.storage.wipe()
  }

  /** Called when the storage fails: the browser has taken it away, or the disk is full. The outbox goes on in memory. */
  onStorageLost: (jobs: readonly Job[]) => Promise<Home> = () => Promise.reject(new Error('no other storage'))

  // ---- the storage, and the other tabs ----

  async #store(job: Job): Promise<void> {
    const home = await this.#homeKnown
    if (this.#closed) return // signed out meanwhile
    try {
      const stored = await home.storage.add(job)
      this.#entries.place(job.id, stored.n)
    } catch {
      return this.#downgrade(home)
    }
    this.#tell({ type: 'changed' })
    this.#sender.kick()
  }

  async #update(id: string, change: (job: Job) => Job | null): Promise<void> {
    const home = await this.#homeKnown
    await home.storage.update(id, change).catch(() => {})
    this.#tell({ type: 'changed' })
  }

  async #sync(home: Home): Promise<void> {
    const jobs = await home.storage.load()
    if (this.#home === home && !this.#closed) this.#entries.take(jobs)
  }

  async #downgrade(from: Home): Promise<void> {
    if (this.#home !== from || this.#closed) return
    this.#home = null // the next failure finds it done
    const home = await this.onStorageLost(this.all().map(e => e.job))
    this.#homeKnown = Promise.resolve(home)
    this.#home = home
    await this.#sync(home)
    this.#sender.kick()
  }

  #hear(news: News): void {
    const home = this.#home
    if (this.#closed || !home) return
    if (news.type === 'signedOut') return this.#onSignedOut()
    if (news.type === 'changed') return void this.#sync(home).then(() => this.#sender.kick()).catch(() => {})
    this.#ports.done(news.job, news.answer)
    this.#entries.finish(news.job)
  }

  #tell(news: News): void {
    try {
      this.#home?.channel?.postMessage(news)
    } catch { /* the channel is closed */ }
  }
}
