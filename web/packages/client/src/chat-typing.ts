// A viewer who types says so this often, and has stopped after this long.
const TYPING_EACH = 3_000, TYPING_IDLE = 5_000
// Who else types is shown for so long after the last word of it.
const TYPING = 6_000

/** Says that the viewer types: not at each key, and until there are no keys any more. */
export class OwnTyping {
  #saidAt = -Infinity
  #idle: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly say: (typing: boolean) => void) {}

  typed(): void {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.end(), TYPING_IDLE)
    if (performance.now() - this.#saidAt < TYPING_EACH) return
    this.#saidAt = performance.now()
    this.say(true)
  }

  /** Not typing any more: said, unless a message says it. */
  end({ silently = false } = {}): void {
    this.stop()
    if (this.#saidAt === -Infinity) return
    this.#saidAt = -Infinity
    if (!silently) this.say(false)
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.#idle)
  }
}

/** Forgets that others type, when nobody says so again. */
export class OthersTyping {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(private readonly expired: (userId: string) => void) {}

  heard(userId: string, typing: boolean): void {
    clearTimeout(this.#timers.get(userId))
    this.#timers.delete(userId)
    if (!typing) return
    this.#timers.set(userId, setTimeout(() => {
      this.#timers.delete(userId)
      this.expired(userId)
    }, TYPING))
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }
}
