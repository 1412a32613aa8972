import { createClient } from 'graphql-sse'
import type { Access } from './access.js'
import type { Failure, Transport } from './connection.js'
import { fromGraphQL } from './errors.js'

// The server sends a comment each 12 s. A stream that has been silent for longer than this is dead.
const SILENT = 45_000, ANSWER = 20_000

/** Streams over Server-Sent Events, one request each, by graphql-sse. */
export function eventStreamTransport(url: string, access: Access): Transport {
  const lines = new Set<Line>()
  const client = createClient({
    url,
    retryAttempts: 0, // Connection decides
    headers: () => access.headers(),
    fetchFn: async (input: RequestInfo, init: RequestInit) => watch(await fetch(input, init), lines),
  })
  return {
    open: (query, variables, sink) => client.subscribe({ query, variables }, {
      next: result => (result.errors ? sink.failed({ kind: 'refused', error: fromGraphQL(result.errors as []) }) : sink.next(result.data)),
      error: thrown => sink.failed(failure(thrown)),
      complete: () => sink.complete(),
    }),
    check: () => { for (const line of lines) if (Date.now() - line.heard > ANSWER) line.cut() },
    close: () => client.dispose(),
  }
}

interface Line { heard: number; cut(): void }

// watch breaks a response off that has been silent for too long.
function watch(response: Response, lines: Set<Line>): Response {
  if (!response.ok || !response.body) return response
  const reader = response.body.getReader()
  let silence: ReturnType<typeof setTimeout>
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        heard()
        if (!done) return controller.enqueue(value)
        end()
        controller.close()
      } catch (error) {
        end()
        controller.error(error)
      }
    },
    cancel(reason) { end(); return reader.cancel(reason) },
  })
  const line: Line = { heard: 0, cut: () => void reader.cancel() }
  const end = () => { clearTimeout(silence); lines.delete(line) }
  const heard = () => {
    line.heard = Date.now()
    clearTimeout(silence)
    silence = setTimeout(line.cut, SILENT)
  }
  lines.add(line)
  heard()
  return new Response(body, response)
}

function failure(thrown: unknown): Failure {
  if (Array.isArray(thrown)) return { kind: 'refused', error: fromGraphQL(thrown) }
  const status = (thrown as { response?: Response } | null)?.response?.status
  if (status === 401) return { kind: 'token' }
  return { kind: status === 400 || status === 404 || status === 405 || status === 415 ? 'fatal' : 'lost' }
}
