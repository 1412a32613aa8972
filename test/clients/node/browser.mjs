// Loaded before every script: browser APIs that Node 20 lacks, the exit with the test, and the report function.
import { EventSource } from 'eventsource'
import WebSocket from 'ws'

globalThis.WebSocket ??= WebSocket
globalThis.EventSource ??= EventSource

// The test holds standard input. When the test ends, even by a crash, so does this process.
process.stdin.on('end', () => process.exit(1)).resume()

// report prints one observation as a line of JSON.
globalThis.report = (kind, more = {}) => process.stdout.write(JSON.stringify({ kind, ...more }) + '\n')

// Reports every connection, whatever library opens it: sockets and requests for streams.
const RealWebSocket = globalThis.WebSocket
globalThis.WebSocket = class extends RealWebSocket {
  constructor(...args) {
    super(...args)
    report('connecting')
    this.addEventListener('close', ({ code }) => report('closed', { code }))
  }
}
const realFetch = globalThis.fetch
globalThis.fetch = async (url, init = {}) => {
  const accept = new Headers(init.headers).get('accept') ?? ''
  // graphql-sse's single-connection mode begins with a PUT, then opens its stream: one connection.
  const reserved = init.method === 'GET' && new Headers(init.headers).has('x-graphql-event-stream-token')
  const stream = init.method === 'PUT' || (accept === 'text/event-stream' && !reserved)
  if (stream) report('connecting')
  const response = await realFetch(url, init)
  if (stream || reserved) report('answered', { code: response.status })
  return response
}
