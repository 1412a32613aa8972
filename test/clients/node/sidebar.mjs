// Shows the list of chats with an example of docs/clients.md and reports every state and new event. It reads commands from
// standard input, one per line:
//   hold answers | hold requests   delay answers (or requests) over HTTP
//   release                        end the delay
//   refetch | more | open <chat> | wave
import { createInterface } from 'node:readline'
import { createElement, Profiler } from 'react'
import { create } from 'react-test-renderer'

let hold = '', release = () => {}, released = Promise.resolve()
const realFetch = globalThis.fetch
globalThis.fetch = async (url, init = {}) => {
  const held = init.method === 'POST' && hold // tokens are requested by GET
  if (held === 'requests') await released
  const response = await realFetch(url, init)
  if (held !== 'answers') return response
  const text = await response.text()
  report('held')
  await released
  return new Response(text, response)
}

const example = process.argv[2]
const page = name => import(`file://${process.cwd()}/${name}.js`)
const { isNew } = await page('newest')
const onEvent = event => report(isNew(event) ? 'event' : 'repeat', { event })
const client = await page(example)
let rows = []

const clients = {
  apollo: async () => ({ refetch: () => client.client.query({ query: client.Chats, fetchPolicy: 'network-only' }) }),
  urql: async () => ({ refetch: () => client.client.query(client.Chats, {}, { requestPolicy: 'network-only' }).toPromise() }),
  relay: async () => {
    const { fetchQuery } = (await import('relay-runtime')).default
    const { Chats } = await page('relay-documents')
    return { refetch: () => fetchQuery(client.environment, Chats, {}).toPromise() }
  },
  store: async () => ({ refetch: () => client.load(onEvent), more: client.more }),
}
const { refetch, more = () => list.toJSON().props.onScrollEnd() } = await clients[example]()

let list
const textOf = row => `${row.title}: ${row.lastMessage?.content ?? ''} (${row.viewerState.unreadCount})`
function show(texts) {
  if (JSON.stringify(texts) === JSON.stringify(rows)) return
  rows = texts
  report('rows', { rows })
}
if (example === 'store') {
  client.store.subscribe(() => show(client.store.rows().map(textOf)))
  await client.load(onEvent)
} else {
  const { App } = await page(`${example}-sidebar`)
  const look = () => {
    const shown = list.toJSON()
    if (shown?.type === 'ul') show((shown.children ?? []).map(row => row.children.join('')))
  }
  list = create(createElement(Profiler, { id: 'list', onRender: () => queueMicrotask(look) }, createElement(App, { onEvent })))
}

// wave sends 👋 like a click on the first row.
function wave() {
  if (example === 'store') return client.send(client.store.rows()[0], '👋')
  return list.toJSON().children[0].props.onClick()
}

createInterface({ input: process.stdin }).on('line', async line => {
  const [command, first] = line.split(' ')
  if (command === 'hold') {
    hold = first
    released = new Promise(resolve => { release = resolve })
    report('holding')
  } else if (command === 'release') {
    hold = ''
    release()
  } else {
    await { refetch, more, open: () => client.loadChat?.(first), wave }[command]()
    report('done', { text: command })
  }
})
