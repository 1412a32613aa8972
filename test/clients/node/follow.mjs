// Follows a chat with the client library named on the command line, and reports everything that the library says.
// The only addition is the rule of docs/clients.md: after each event, its cursor becomes the operation's `after`.
import { createClient as createSocket } from 'graphql-ws'
import { createClient as createStream } from 'graphql-sse'

// IGNORE_STARTED ignores the cursor of StreamStarted, as a negative control.
const { SERVER, TOKENS, CHAT, AFTER, IGNORE_STARTED } = process.env
const query = `subscription ($chatId: ID, $after: String) {
  chatEvents(chatId: $chatId, after: $after) {
    __typename cursor
    ... on DurableChatEvent { chatId seq }
    ... on MessageSent { message { content } }
  }
}`
const variables = { chatId: CHAT, after: AFTER }
const token = async () => (await fetch(TOKENS)).text()

const sink = {
  next(result) {
    if (result.errors) report('error', { text: JSON.stringify(result.errors) })
    if (!result.data) return
    report('event', { event: result.data.chatEvents })
    const { __typename, cursor } = result.data.chatEvents
    if (!IGNORE_STARTED || __typename !== 'StreamStarted') variables.after = cursor
  },
  error: error => report('error', { text: String(error?.code ?? '') + ' ' + JSON.stringify(error) + ' ' + error }),
  complete: () => report('complete'),
}

const clients = {
  // The libraries' own back-off. Only the number of attempts is raised, so that a client reconnects after a long outage.
  'graphql-ws': () => createSocket({
    url: SERVER.replace('http', 'ws') + '/graphql',
    connectionParams: async () => ({ authorization: 'Bearer ' + await token() }),
    retryAttempts: Infinity,
    shouldRetry: () => true,
  }).subscribe({ query, variables }, sink),

  'graphql-sse distinct': () => createStream({
    url: SERVER + '/graphql',
    headers: async () => ({ authorization: 'Bearer ' + await token() }),
    retryAttempts: Infinity,
  }).subscribe({ query, variables }, sink),

  'graphql-sse single': () => createStream({
    url: SERVER + '/graphql/stream',
    singleConnection: true,
    headers: async () => ({ authorization: 'Bearer ' + await token() }),
    retryAttempts: Infinity,
  }).subscribe({ query, variables }, sink),

  // No rule is needed: the browser remembers the id of the last event and sends it as Last-Event-ID.
  EventSource: async () => {
    const parameters = new URLSearchParams({ query, variables: JSON.stringify(variables), access_token: await token() })
    const source = new EventSource(SERVER + '/graphql/stream?' + parameters)
    source.addEventListener('next', ({ data }) => sink.next(JSON.parse(data)))
    source.addEventListener('complete', () => { source.close(); sink.complete() })
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) report('gave up') }
  },
}

await clients[process.argv[2]]()
