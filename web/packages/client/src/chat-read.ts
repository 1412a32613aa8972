import type { Core } from './core.js'
import * as ops from './generated.js'

/** Tells the server how far the viewer has read: the newest mark only, one call at a time. */
export class ReadMark {
  #seq = 0
  #saying = false

  readonly #core: Core
  readonly #chatId: string
  readonly #alive: () => boolean

  constructor(core: Core, chatId: string, alive: () => boolean) {
    this.#core = core
    this.#chatId = chatId
    this.#alive = alive
  }

  /** The highest mark that was set here. */
  get seq(): number {
    return this.#seq
  }

  /** The chat was read anew: what the server says counts. */
  forget(): void {
    this.#seq = 0
  }

  set(seq: number): void {
    this.#seq = seq
    void this.#say()
  }

  async #say(): Promise<void> {
    if (this.#saying) return
    this.#saying = true
    try {
      for (let said = 0; said < this.#seq;) {
        const seq = said = this.#seq
        const { markRead } = await this.#core.persist(() => this.#core.request(ops.MarkRead, { input: { chatId: this.#chatId, seq } }), { alive: this.#alive })
        if (seq === this.#seq) this.#core.tellChat(markRead!.chat)
      }
    } catch { /* the chat is gone, or the mark is not valid: there is nothing to show */ } finally {
      this.#saying = false
    }
  }
}
