import type { Access } from './access.js'
import type { StudychatError } from './errors.js'
import { backOff } from './time.js'
import { Value } from './store.js'
import type { ConnectionStatus } from './types.js'

/** Why a stream ended before its time. */
export type Failure =
  /** The connection broke, or there was none. */
  | { readonly kind: 'lost' }
  /** The server refused the token. */
  | { readonly kind: 'token' }
  /** The server refused the client: another attempt will hardly change that. */
  | { readonly kind: 'fatal' }
  /** The server refused this operation, and the connection goes on. */
  | { readonly kind: 'refused'; readonly error: StudychatError }

/** What a carrier of streams tells. */
export interface Sink {
  next(data: unknown): void
  failed(failure: Failure): void
  complete(): void
}

/** What carries streams. It tries once; the connection decides whether to try again. */
export interface Transport {
  open(query: string, variables: Record<string, unknown>, sink: Sink): () => void
  /** Finds out whether the connection still lives, and breaks it if not. */
  check(): void
  close(): void
}

/** A subscription that lasts: after each break it begins again, with the variables as they are then. */
export interface Stream {
  readonly query: string
  variables(): Record<string, unknown>
  next(data: unknown): void
  /** The server refuses the operation: the stream has ended. */
  refused(error: StudychatError): void
  /** The server says that the stream is over. */
  complete(): void
  /** The connection broke. */
  cut?(): void
}

type Base = Exclude<ConnectionStatus, 'offline'>
interface Running { readonly stream: Stream; stop: (() => void) | null }

// A connection that lived for so long was a good one: the next attempt does not wait.
const STEADY = 10_000
// Of all timers, this one notices that the computer slept: it comes late.
const TICK = 5_000, LATE = 15_000

/** Keeps the streams running, and says how that goes. */
export class Connection {
  readonly status = new Value<ConnectionStatus>('connecting')
  readonly #streams = new Set<Running>()
  readonly #stops: (() => void)[] = []
  #base: Base = 'connecting'
  #timer: ReturnType<typeof setTimeout> | undefined
  #attempts = 0
  #since = 0 // when the connection was last found to live

  readonly #transport: Transport
  readonly #access: Access
  readonly #onWake: () => void

  constructor(transport: Transport, access: Access, onWake: () => void) {
    this.#transport = transport
    this.#access = access
    this.#onWake = onWake
    this.#listen()
  }

  /** Runs a stream until the function that it returns is called, or the server ends it. */
  open(stream: Stream): () => void {
    const running: Running = { stream, stop: null }
    this.#streams.add(running)
    if (this.#timer === undefined && this.#base !== 'closed') this.#start(running)
    return () => {
      this.#streams.delete(running)
      running.stop?.()
      running.stop = null
    }
  }

  /** Tries again now, whatever the back-off says. */
  readonly reconnect = (): void => {
    if (this.#base === 'closed') return
    this.#attempts = 0
    if (this.#timer !== undefined) this.#retry()
    else this.#transport.check()
    this.#show()
    this.#onWake()
  }

  /** The token is refused, as a request has found out. */
  tokenRefused(): void {
    if (this.#base !== 'closed') this.#become('refused')
  }

  /** A request was answered: the server can be reached, and takes the token. */
  answered(): void {
    if (this.#base === 'refused' && this.#timer === undefined) this.#become('online')
  }

  close(): void {
    this.#become('closed')
    clearTimeout(this.#timer)
    for (const stop of this.#stops) stop()
    for (const running of this.#streams) running.stop?.()
    this.#streams.clear()
    this.#transport.close()
  }

  #start(running: Running): void {
    let over = false
    const ended = () => { over = true; running.stop = null }
    const stop = this.#transport.open(running.stream.query, running.stream.variables(), {
      next: data => {
        if (over || !this.#streams.has(running)) return
        this.#alive()
        running.stream.next(data)
      },
      failed: failure => {
        if (over) return
        ended()
        if (this.#streams.has(running)) this.#failed(running, failure)
      },
      complete: () => {
        if (over) return
        ended()
        if (this.#streams.delete(running)) running.stream.complete()
      },
    })
    running.stop = () => { over = true; stop() }
  }

  #alive(): void {
    if (this.#timer !== undefined) return // others still wait to be tried again
    if (this.#base !== 'online') {
      this.#since = Date.now()
      this.#access.accepted()
      this.#become('online')
      this.#onWake()
    }
  }

  #failed(running: Running, failure: Failure): void {
    if (failure.kind === 'refused') {
      this.#streams.delete(running)
      return running.stream.refused(failure.error)
    }
    running.stream.cut?.()
    if (this.#timer !== undefined || this.#base === 'closed') return
    if (this.#base === 'online' && Date.now() - this.#since > STEADY) this.#attempts = 0
    if (failure.kind === 'token') this.#access.refused()
    const refused = failure.kind === 'fatal' || this.#access.otherUser || (failure.kind === 'token' && this.#base === 'refused')
    const wait = failure.kind === 'token' && !refused ? 0 : backOff(refused ? Math.max(4, this.#attempts) : this.#attempts)
    this.#attempts++
    this.#timer = setTimeout(() => this.#retry(), wait)
    this.#become(refused ? 'refused' : this.#base === 'connecting' ? 'connecting' : 'reconnecting')
  }

  #retry(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const running of [...this.#streams]) if (!running.stop) this.#start(running)
  }

  #become(base: Base): void {
    if (this.#base !== 'closed') this.#base = base
    this.#show()
  }

  // The browser's word that there is no network counts: it knows before any deadline has passed.
  readonly #show = (): void => {
    const offline = globalThis.navigator?.onLine === false && this.#base !== 'closed' && this.#base !== 'refused'
    this.status.set(offline ? 'offline' : this.#base)
  }

  #listen(): void {
    const on = (target: EventTarget | undefined, name: string, does: () => void) => {
      target?.addEventListener?.(name, does)
      this.#stops.push(() => target?.removeEventListener?.(name, does))
    }
    const page = globalThis as unknown as EventTarget
    on(page, 'offline', () => { this.#transport.check(); this.#show() })
    on(page, 'online', this.reconnect)
    on(page, 'pageshow', this.reconnect)
    on(globalThis.document, 'resume', this.reconnect)
    on(globalThis.document, 'visibilitychange', () => { if (document.visibilityState === 'visible') this.reconnect() })
    let last = Date.now()
    const tick = setInterval(() => {
      const slept = Date.now() - last > LATE
      last = Date.now()
      if (slept) this.reconnect()
    }, TICK)
    ;(tick as { unref?: () => void }).unref?.() // a program of Node need not wait for it
    this.#stops.push(() => clearInterval(tick))
  }
}
