import { createClient, type Client } from 'graphql-ws/client'
import type { Access } from './access.js'
import type { Failure, Transport } from './connection.js'
import { fromGraphQL } from './errors.js'

// A socket on which nothing has come for SILENT, though graphql-ws pings each 15 s, is dead. One that is asked has 5 s to answer.
const SILENT = 45_000, ANSWER = 5_000

/** Streams over one WebSocket, by graphql-ws. */
export function socketTransport(url: string, access: Access, webSocketImpl?: unknown): Transport {
  let socket: WebSocket | undefined
  let silence: ReturnType<typeof setTimeout> | undefined
  const expectWithin = (ms: number) => {
    clearTimeout(silence)
    silence = setTimeout(() => client.terminate(), ms)
  }
  const client: Client = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl,
    connectionParams: () => access.headers(),
    lazyCloseTimeout: 3_000, // a stream that begins anew finds the socket open
    retryAttempts: 0, // Connection decides
    keepAlive: 15_000,
    on: {
      opened: opened => { socket = opened as WebSocket; expectWithin(SILENT) },
      message: () => expectWithin(SILENT),
      closed: () => { socket = undefined; clearTimeout(silence) },
      // Before the token ends the server asks for the next one, so that the connection can stay.
      ping: (received, payload) => {
        if (received && payload?.['tokenExpiresInMs']) void renew(socket)
      },
    },
  })
  const renew = async (asked: WebSocket | undefined) => {
    try {
      const payload = await access.headers()
      if (asked === socket) asked?.send(JSON.stringify({ type: 'ping', payload }))
    } catch { /* no new token: the server will close the socket, and the next attempt asks again */ }
  }
  return {
    open: (query, variables, sink) => client.subscribe({ query, variables }, {
      next: result => (result.errors ? sink.failed({ kind: 'refused', error: fromGraphQL(result.errors as []) }) : sink.next(result.data)),
      error: thrown => sink.failed(failure(thrown)),
      complete: () => sink.complete(),
    }),
    check: () => {
      if (socket?.readyState !== 1) return
      socket.send('{"type":"ping"}')
      expectWithin(ANSWER)
    },
    close: () => void client.dispose(),
  }
}

// docs/clients.md, "Close codes".
const FATAL: readonly unknown[] = [4400, 4401, 4406, 4409, 4429, 1002, 1003, 1007, 1008, 1009, 1010]

function failure(thrown: unknown): Failure {
  if (Array.isArray(thrown)) return { kind: 'refused', error: fromGraphQL(thrown) }
  const code = (thrown as { code?: unknown } | null)?.code
  return { kind: code === 4403 ? 'token' : FATAL.includes(code) ? 'fatal' : 'lost' }
}
