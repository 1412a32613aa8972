import { StudychatError } from './errors.js'
import type { Job } from './storage.js'
import { Value } from './store.js'
import type { OutboxItem, OutboxSnapshot } from './types.js'

/** A thing to send, and whether it is being sent at this moment, by this tab. */
export interface Entry {
  readonly job: Job
  readonly sending: boolean
}

// How many ids are remembered of what was sent, so that a late second click sends nothing.
const REMEMBERED = 1000

/** What waits to be sent, as this tab knows it, and how the page sees it. */
export class Entries {
  readonly view = new Value<OutboxSnapshot>({ items: [], waiting: 0, failed: 0, persistent: false })
  #all: readonly Entry[] = []
  readonly #items = new WeakMap<Entry, OutboxItem>()
  readonly #finished = new Set<string>()

  readonly #changed: () => void
  readonly #persistent: () => boolean

  constructor(changed: () => void, persistent: () => boolean) {
    this.#changed = changed
    this.#persistent = persistent
  }

  /** In the order in which it was written. */
  all(): readonly Entry[] {
    return this.#all
  }

  of(chatId: string): readonly Entry[] {
    return this.#all.filter(e => e.job.chatId === chatId)
  }

  find(id: string): Entry | undefined {
    return this.#all.find(e => e.job.id === id)
  }

  isFinished(id: string): boolean {
    return this.#finished.has(id)
  }

  set(entries: readonly Entry[]): void {
    if (entries.length === this.#all.length && entries.every((e, i) => e === this.#all[i])) return
    this.#all = entries
    this.#show()
    this.#changed()
  }

  drop(...ids: readonly string[]): void {
    this.set(this.#all.filter(e => !ids.includes(e.job.id)))
  }

  replace(id: string, job: Job, sending = false): void {
    this.set(this.#all.map(e => (e.job.id === id ? { job, sending } : e)))
  }

  /** The server has the job. */
  finish(job: Job): void {
    this.#finished.add(job.id)
    if (this.#finished.size > REMEMBERED) this.#finished.delete(this.#finished.values().next().value as string)
    this.drop(job.id)
  }

  /** The storage has given a job its place. */
  place(id: string, n: number): void {
    const now = this.find(id)
    if (now) this.set(this.#all.map(e => (e === now ? { job: { ...now.job, n }, sending: false } : e)).sort(byPlace))
  }

  /** Takes what is stored: it is what all tabs agree on. What this tab has not stored yet stays at the end. */
  take(jobs: readonly Job[]): void {
    const known = new Map(this.#all.map(e => [e.job.id, e]))
    const stored = jobs.filter(job => !this.#finished.has(job.id)).map(job => {
      const entry = known.get(job.id)
      return entry && (entry.sending || entry.job.n === 0 || sameJob(entry.job, job)) ? { ...entry, job: { ...entry.job, n: job.n } } : { job, sending: false }
    })
    const ids = new Set(jobs.map(job => job.id))
    const own = this.#all.filter(e => !ids.has(e.job.id) && (e.job.n === 0 || e.sending))
    this.set([...stored, ...own].sort(byPlace).map(e => {
      const entry = known.get(e.job.id)
      return entry && entry.sending === e.sending && sameJob(entry.job, e.job) ? entry : e
    }))
  }

  #show(): void {
    const items = this.#all.map(entry => {
      const known = this.#items.get(entry)
      if (known) return known
      const { id, chatId, kind, text } = entry.job
      const item: OutboxItem = { id, chatId, kind, text, state: stateOf(entry), error: errorOf(entry.job) }
      this.#items.set(entry, item)
      return item
    })
    const failed = items.filter(item => item.state === 'failed').length
    this.view.set({ items, failed, waiting: items.length - failed, persistent: this.#persistent() })
  }
}

/** How an entry is shown. */
export const stateOf = ({ job, sending }: Entry): OutboxItem['state'] => (sending ? 'sending' : job.state)

/** The error of a job, as an error again. */
export const errorOf = ({ error }: Job): StudychatError | null => error && new StudychatError(error.code, error.message, error.field)

const byPlace = (a: Entry, b: Entry) => (a.job.n || Infinity) - (b.job.n || Infinity) || 0

const sameJob = (a: Job, b: Job) => a.n === b.n && a.state === b.state && a.text === b.text && a.attempts === b.attempts
