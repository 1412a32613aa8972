// Runs the HTTP requests of an example of docs/clients.md: loads a chat, sends a message, loads again, and sends one that is refused.
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
