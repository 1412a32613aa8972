// Sends more messages than the rate limit lets through at once, and counts how often the server told the example to wait.
const { CHAT } = process.env
let told = 0
const counted = globalThis.fetch
globalThis.fetch = async (...request) => {
  const response = await counted(...request)
  if ((await response.clone().text()).includes('"RATE_LIMITED"')) told++
  return response
}
const { send } = await import(`file://${process.cwd()}/plain.js`)
const all = 8
await Promise.all(Array.from({ length: all }, (_, i) => send(CHAT, `message ${i}`)))
report('sent', { messages: all, told })
process.exit()
