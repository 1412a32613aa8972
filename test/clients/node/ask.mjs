// Runs what an example of docs/clients.md does over HTTP: load a chat, send a message, load again, be refused.
const { CHAT } = process.env
const example = process.argv[2]
if (example === 'posted') await import('./page.mjs')
const { loadChat, send, codeOf } = await import(`file://${process.cwd()}/${example}.js`)

const before = await loadChat(CHAT)
const sent = await send(CHAT, `from ${example}`)
const after = await loadChat(CHAT)
const code = await send(CHAT, ' ').then(() => 'none', codeOf)
report('asked', {
  title: before.title, cursor: before.eventCursor, sent: sent.content, messages: after.messages.edges.length, code,
})
process.exit()
