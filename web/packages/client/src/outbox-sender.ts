import { asError, type StudychatError } from './errors.js'
import type { Lock } from './lock.js'
import type { Entries } from './outbox-entries.js'
import type { Job, JobStorage } from './storage.js'
import { backOff } from './time.js'

/** Where the outbox lives, once the user is known. */
export interface Home {
  readonly storage: JobStorage
  readonly lock: Lock
  readonly channel: BroadcastChannel | null
}

/** What the sender needs of the outbox. */
export interface SenderPorts {
  perform(job: Job): Promise<unknown>
  /** The server has a job: shows its answer, before the job is forgotten. */
  done(job: Job, answer: unknown): void
  /** Where the outbox lives now; null while the user is not known. */
  home(): Home | null
  /** Takes what other tabs have written. */
  sync(home: Home): Promise<void>
  /** The storage fails. */
  lost(home: Home): Promise<void>
  /** Other tabs should know. */
  tellDone(job: Job, answer: unknown): void
  tellChanged(): void
}

/** Sends what waits: one queue per chat, first in, first out, by one tab at a time. */
export class Sender {
  /** Per chat: when to try again (performance.now), and how often it has failed. */
  readonly #waits = new Map<string, { until: number; tries: number }>()
  readonly #active = new Map<string, Promise<void>>() // chats whose queue is being sent
  #holdUntil = 0 // RATE_LIMITED is about the user, so about all chats
  #allowed = false
  #running = false
  #again = false
  #closed = false
  #fill: () => void = () => {}
  #timer: ReturnType<typeof setTimeout> | undefined

  readonly #entries: Entries
  readonly #ports: SenderPorts

  constructor(entries: Entries, ports: SenderPorts) {
    this.#entries = entries
    this.#ports = ports
  }

  /** Whether anything is sent: not before the server has said who the user is. */
  allow(allowed: boolean): void {
    this.#allowed = allowed
  }

  /** A queue, or all of them, need not wait longer. A limit of the server still counts. */
  hurry(chatId?: string): void {
    if (chatId === undefined) this.#waits.clear()
    else this.#waits.delete(chatId)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Sends what may be sent now, and comes back when the next queue may go on. */
  kick(): void {
    clearTimeout(this.#timer)
    const home = this.#ports.home()
    if (!this.#allowed || this.#closed || !home) return
    if (this.#running) {
      this.#again = true
      this.#fill()
      return
    }
    const wait = this.#nextWait()
    if (wait > 0) {
      if (wait < Infinity) this.#timer = setTimeout(() => this.kick(), wait)
      return
    }
    this.#running = true
    this.#again = false
    void this.#run(home).catch(() => {}).finally(() => {
      this.#running = false
      this.#fill = () => {}
      if (this.#again) this.kick()
      else this.#schedule()
    })
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    const wait = this.#nextWait()
    if (wait < Infinity && !this.#closed) this.#timer = setTimeout(() => this.kick(), Math.max(wait, 10))
  }

  // nextWait says in how many ms the first queue may go on: 0 for now, Infinity if nothing waits.
  #nextWait(): number {
    const now = performance.now()
    const waits = this.#chats().map(id => this.#waitUntil(id) - now)
    return waits.length > 0 ? Math.max(0, Math.min(...waits)) : Infinity
  }

  #waitUntil(chatId: string): number {
    return Math.max(this.#holdUntil, this.#waits.get(chatId)?.until ?? 0)
  }

  // chats are those with something to send.
  #chats(): string[] {
    return [...new Set(this.#entries.all().map(e => e.job.chatId))].filter(id => this.#head(id))
  }

  // head is what a chat sends next. What failed steps aside; but without the chat itself nothing can follow.
  #head(chatId: string): Job | undefined {
    const jobs = this.#entries.of(chatId).map(e => e.job)
    if (jobs.some(job => job.kind === 'createChat' && job.state === 'failed')) return undefined
    const next = jobs.find(job => job.state === 'queued')
    return next && next.n > 0 ? next : undefined
  }

  #gone(home: Home): boolean {
    return this.#closed || this.#ports.home() !== home
  }

  async #run(home: Home): Promise<void> {
    await home.lock(async held => {
      await this.#ports.sync(home) // another tab may have sent or written something meanwhile
      this.#fill = () => {
        if (!held() || this.#gone(home)) return
        const now = performance.now()
        for (const id of this.#chats()) {
          if (this.#active.has(id) || this.#waitUntil(id) > now) continue
          this.#active.set(id, this.#sendChat(home, id, held).catch(() => this.#ports.lost(home)).finally(() => this.#active.delete(id)))
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
    for (let job = this.#head(chatId); job && held() && !this.#gone(home); job = this.#head(chatId)) {
      if (performance.now() < this.#holdUntil) return
      // From now on the server may have it: written down before it is sent.
      const claimed = await home.storage.update(job.id, stored => (stored.state === 'queued' ? { ...stored, attempts: stored.attempts + 1 } : stored))
      if (!claimed) { this.#entries.drop(job.id); continue } // another tab has sent or dropped it
      this.#entries.replace(job.id, claimed, claimed.state === 'queued')
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
    if (this.#gone(home)) return
    if (this.#entries.find(job.id)) { // else an event was faster
      this.#ports.done(job, answer)
      this.#entries.finish(job)
    }
    this.#ports.tellDone(job, answer)
    await home.storage.update(job.id, () => null)
  }

  // stumble returns whether the chat's queue has to wait.
  async #stumble(home: Home, job: Job, error: StudychatError): Promise<boolean> {
    const current = this.#entries.find(job.id)?.job
    if (!current || this.#ports.home() !== home) return false // an event was faster, or the user is another
    const passing = error.passing || (error.code === 'INTERNAL' && job.attempts < 2)
    if (passing) {
      this.#entries.replace(job.id, current)
      this.#backOff(job.chatId, error)
      return true
    }
    const failed = { state: 'failed', error: { code: error.code, message: error.message, field: error.field } } as const
    this.#entries.replace(job.id, { ...current, ...failed })
    await home.storage.update(job.id, stored => ({ ...stored, ...failed }))
    this.#ports.tellChanged()
    return false
  }

  #backOff(chatId: string, error: StudychatError): void {
    const tries = this.#waits.get(chatId)?.tries ?? 0
    const least = error.retryAfterMs ?? 0
    const until = performance.now() + least + (least ? Math.random() * 250 : backOff(tries))
    if (error.code === 'RATE_LIMITED') this.#holdUntil = until
    this.#waits.set(chatId, { until, tries: tries + 1 })
  }
}
