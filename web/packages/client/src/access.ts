import { asError, fromGraphQL, StudychatError } from './errors.js'
import type { Document } from './generated.js'
import type { StudychatOptions } from './types.js'

// For how long a request may take. The server answers or refuses sooner; a network that swallows packets does not.
const DEADLINE = 15_000

/** The viewer's token, and what the server thinks of it. */
export class Access {
  /** How often in a row the server has refused the token. */
  refusals = 0
  otherUser = false
  #subject: string | null = null // whose token the server has accepted
  #asking: string | null = null
  readonly #getToken: StudychatOptions['getToken']
  readonly #onRefused: () => void

  constructor(getToken: StudychatOptions['getToken'], onRefused: () => void) {
    this.#getToken = getToken
    this.#onRefused = onRefused
  }

  /** The header with the token. Rejects when the token is another user's: what waits to be sent is not that user's. */
  async headers(): Promise<Record<string, string>> {
    const token = await this.#getToken?.({ refused: this.refusals > 0 })
    const subject = token ? subjectOf(token) : null
    this.otherUser = subject !== null && this.#subject !== null && subject !== this.#subject
    if (this.otherUser) {
      this.#onRefused()
      throw new StudychatError('UNAUTHENTICATED', 'The token is another user\'s. Sign out, and make a client for that user.')
    }
    this.#asking = subject
    return token ? { authorization: `Bearer ${token}` } : {}
  }

  /** Whom the token is for that the server has accepted, where that can be read from it. */
  get acceptedSubject(): string | null {
    return this.#subject
  }

  /** Whom the token is for that will be used next. */
  async subject(): Promise<string | null> {
    const token = await this.#getToken?.({ refused: false })
    return token ? subjectOf(token) : null
  }

  refused(): void {
    // One refusal is a token that has expired; the second one came with a new token.
    if (++this.refusals > 1 || !this.#getToken) this.#onRefused()
  }

  accepted(): void {
    this.refusals = 0
    this.#subject ??= this.#asking
  }
}

// subjectOf reads whom a token is for, where it is a JWT. The server is the one that checks it.
function subjectOf(token: string): string | null {
  try {
    const claims = JSON.parse(atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))) as { sub?: unknown }
    return typeof claims.sub === 'string' ? claims.sub : null
  } catch {
    return null
  }
}

/** Sends queries and mutations by HTTP, whatever carries the streams: a call does not wait for a socket, and its failure is its own. */
export class Http {
  readonly #url: string
  readonly #access: Access

  constructor(url: string, access: Access) {
    this.#url = url
    this.#access = access
  }

  /** Rejects with a StudychatError. A token that has expired is replaced once. */
  readonly request = async <Data, Variables>(
    query: Document<Data, Variables> | string, variables?: Variables, { signal }: { signal?: AbortSignal } = {},
  ): Promise<Data> => {
    for (let tries = 1; ; tries++) {
      try {
        const data = await this.#post<Data>(JSON.stringify({ query, variables }), signal)
        this.#access.accepted()
        return data
      } catch (thrown) {
        const error = asError(thrown)
        if (error.code !== 'UNAUTHENTICATED') throw error
        this.#access.refused()
        if (tries === 2 || this.#access.otherUser) throw error
      }
    }
  }

  async #post<Data>(body: string, signal?: AbortSignal): Promise<Data> {
    const stop = new AbortController()
    const abort = () => stop.abort()
    const deadline = setTimeout(abort, DEADLINE)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    try {
      const headers = { ...await this.#access.headers(), 'content-type': 'application/json', accept: 'application/graphql-response+json' }
      const response = await fetch(this.#url, { method: 'POST', headers, body, signal: stop.signal })
      return read<Data>(response.status, await response.text())
    } finally {
      clearTimeout(deadline)
      signal?.removeEventListener('abort', abort)
    }
  }
}

function read<Data>(status: number, text: string): Data {
  let answer: { data?: Data | null; errors?: [] } | undefined
  try {
    answer = JSON.parse(text)
  } catch { /* a proxy's page, perhaps */ }
  if (answer?.errors?.length) throw fromGraphQL(answer.errors)
  if (answer?.data == null) throw new StudychatError(status === 413 ? 'BAD_USER_INPUT' : 'NETWORK', `The server answered with status ${status}.`)
  return answer.data
}
