import type { Core } from './core.js'
import type { StudychatError } from './errors.js'
import * as ops from './generated.js'
import type { ChatStreamEvent } from './types.js'

// Who is online is shown for so long after the stream broke.
const PRESENCE = 10_000

/** What a stream tells its chat. */
export interface StreamPorts {
  event(event: ChatStreamEvent): void
  /** Everything is to be read anew: the cursor is of no use. */
  reset(): void
  /** The chat is deleted or the viewer removed; unless the viewer has joined again. */
  completed(): void
  /** There is no such chat for the viewer. */
  gone(): void
  /** The server does not stream, for good. */
  failed(error: StudychatError): void
  /** The stream has been down for so long that nobody can say who is online. */
  presenceExpired(): void
  /** Whether somebody still watches the chat. */
  watched(): boolean
}

/** The stream of one chat, and where it stands. */
export class ChatStream {
  #cursor: string | null = null
  #stop: (() => void) | null = null
  #presence: ReturnType<typeof setTimeout> | undefined

  readonly #core: Core
  readonly #chatId: string
  readonly #ports: StreamPorts

  constructor(core: Core, chatId: string, ports: StreamPorts) {
    this.#core = core
    this.#chatId = chatId
    this.#ports = ports
  }

  get runs(): boolean {
    return this.#stop !== null
  }

  /** An answer says where to go on. */
  standAt(cursor: string): void {
    this.#cursor = cursor
  }

  follow(): void {
    this.#stop?.()
    this.#stop = this.#core.connection.open({
      query: ops.Follow,
      variables: () => ({ chatId: this.#chatId, after: this.#cursor }),
      next: data => this.#take((data as ops.FollowSubscription).chatEvents),
      refused: error => this.#refused(error),
      complete: () => { this.#stop = null; this.#ports.completed() },
      cut: () => {
        clearTimeout(this.#presence)
        this.#presence = setTimeout(() => this.#ports.presenceExpired(), PRESENCE)
      },
    })
  }

  stop(): void {
    this.#stop?.()
    this.#stop = null
    clearTimeout(this.#presence)
  }

  #take(event: ChatStreamEvent): void {
    this.#cursor = event.cursor
    if (event.__typename === 'StreamReset') return this.#ports.reset()
    if (event.__typename === 'StreamStarted') {
      clearTimeout(this.#presence)
      this.#core.setTime(event.at)
    }
    this.#ports.event(event)
  }

  #refused(error: StudychatError): void {
    this.#stop = null
    if (error.code === 'NOT_FOUND') return this.#ports.gone()
    if (error.retryAfterMs) return void setTimeout(() => { if (this.#ports.watched() && !this.runs) this.follow() }, error.retryAfterMs)
    if (error.code === 'BAD_USER_INPUT' && this.#cursor !== null) { this.#cursor = null; return this.#ports.reset() } // the cursor is another history's
    this.#ports.failed(error)
  }
}
