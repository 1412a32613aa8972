import type { Core } from './core.js'
import type { Job } from './storage.js'
import { uuid } from './time.js'
import type { ChatMessage } from './types.js'

/** What a chat puts into the outbox: messages, and changes of messages. */
export class ChatWrites {
  readonly #core: Core
  readonly #chatId: string

  constructor(core: Core, chatId: string) {
    this.#core = core
    this.#chatId = chatId
  }

  send(id: string, text: string, answered: ChatMessage | null | undefined): void {
    this.#add({ id, kind: 'sendMessage', text, replyTo: answered ? quoteOf(answered) : null })
  }

  retry(messageId: string): void {
    this.#core.outbox.retry(this.#jobOf(messageId))
  }

  discard(messageId: string): void {
    this.#core.outbox.discard(this.#jobOf(messageId))
  }

  /** Changes a message that waits in its place; of one that the server may have, the change is sent. */
  edit(messageId: string, text: string): void {
    const later = () => this.#add({ id: uuid(), kind: 'editMessage', messageId, text })
    if (!this.#core.outbox.rewrite(this.#jobOf(messageId), text, later)) later()
  }

  /** Drops a message that the server cannot have, with its changes; for another one the removal is sent. */
  remove(messageId: string): void {
    const { outbox } = this.#core
    const entry = outbox.of(this.#chatId).find(e => e.job.id === messageId)
    if (entry && !entry.sending && (entry.job.attempts === 0 || entry.job.state === 'failed')) {
      for (const e of outbox.of(this.#chatId)) if (e.job.messageId === messageId) outbox.discard(e.job.id)
      return outbox.discard(messageId)
    }
    this.#add({ id: uuid(), kind: 'deleteMessage', messageId, text: '' })
  }

  // jobOf finds what is to be sent for a message: the message itself, or its latest change.
  #jobOf(messageId: string): string {
    return this.#core.outbox.of(this.#chatId).findLast(e => e.job.messageId === messageId)?.job.id ?? messageId
  }

  #add(job: Pick<Job, 'id' | 'kind' | 'text' | 'messageId' | 'replyTo'>): void {
    this.#core.outbox.add({ ...job, chatId: this.#chatId, at: new Date(this.#core.now()).toISOString() })
  }
}

// quoteOf is an answered message as its answer shows it. One that the server does not have yet has no number, and cannot have been deleted.
function quoteOf({ id, seq, content, deletedAt, author }: ChatMessage): ChatMessage['replyTo'] {
  return { id, seq: seq ?? 0, content, deletedAt: seq === null ? null : deletedAt, author }
}
