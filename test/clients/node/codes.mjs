// Makes each mistake of docs/clients.md on its own socket and reports the close code.
const { SERVER, TOKENS } = process.env
const token = await (await fetch(TOKENS)).text()

const init = JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } })
const ask = (id, query) => JSON.stringify({ type: 'subscribe', id, payload: { query } })
const subscription = 'subscription { chatEvents { cursor } }'
const flood = Array.from({ length: 300 }, () => '{"type":"ping"}')

const mistakes = {
  'a bad message': [init, 'hello'],
  'subscribed too early': [ask('1', subscription)],
  'an id used twice': [init, ask('1', subscription), ask('1', subscription)],
  'initialised twice': [init, init],
  'a flood': [init, ...flood],
  'a message of 4 MB': [init, ask('1', '{ __typename } #' + 'x'.repeat(4 << 20))],
  'a message of 1 MB before the init': [ask('1', '{ __typename } #' + 'x'.repeat(1 << 20))],
  'a refused token': [JSON.stringify({ type: 'connection_init', payload: { authorization: 'Bearer x' } })],
  'no init': [],
  'no sub-protocol offered': [],
  'another sub-protocol offered': [],
}
const offered = { 'no sub-protocol offered': [], 'another sub-protocol offered': ['graphql-ws'] }

for (const [mistake, messages] of Object.entries(mistakes)) {
  const socket = new WebSocket(SERVER.replace('http', 'ws') + '/graphql', offered[mistake] ?? ['graphql-transport-ws'])
  socket.onerror = () => {} // a close follows
  socket.onopen = () => messages.forEach(message => socket.send(message))
  socket.onclose = ({ code }) => report('mistake', { name: mistake, code })
}
