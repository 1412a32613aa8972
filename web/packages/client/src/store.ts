import type { Store } from './types.js'

/** A value that can be watched. `onWatched` is called when the first listener comes and when the last one has left. */
export class Value<T> implements Store<T> {
  readonly #listeners = new Set<() => void>()
  #value: T
  readonly #onWatched: ((watched: boolean) => void) | undefined

  constructor(value: T, onWatched?: (watched: boolean) => void) {
    this.#value = value
    this.#onWatched = onWatched
  }

  readonly getSnapshot = (): T => this.#value

  readonly subscribe = (listener: () => void): (() => void) => {
    const own = () => listener() // the same function may listen twice
    this.#listeners.add(own)
    if (this.#listeners.size === 1) this.#onWatched?.(true)
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#onWatched?.(false)
    }
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const listener of [...this.#listeners]) listener()
  }

  /** Changes some fields of an object, and nothing at all if they are what they were. */
  patch(fields: Partial<T>): void {
    const changed = (Object.keys(fields) as (keyof T)[]).some(name => !Object.is(fields[name], this.#value[name]))
    if (changed) this.set({ ...this.#value, ...fields })
  }
}
