// Follows a chat with an example of docs/clients.md.
const { CHAT, AFTER } = process.env
if (process.argv[2] === 'posted') await import('./page.mjs')
const { follow } = await import(`file://${process.cwd()}/${process.argv[2]}.js`)
follow(
  CHAT, AFTER,
  event => report('event', { event }),
  error => (error ? report('error', { text: `${error} ${JSON.stringify(error)}` }) : report('complete')),
)
