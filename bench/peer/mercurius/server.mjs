// A peer: Mercurius on Fastify with its just-in-time compiler, the chats of package data in memory.
// usage: node server.mjs PORT
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import mercurius from 'mercurius'

const chatID = n => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
const text = 'lorem ipsum dolor sit amet '.repeat(3).slice(0, 64)
const kept = 1000 // messages of a chat, at least
const chats = new Map()
let ids = 0

function append(chat, content) {
  const user = String(++chat.seq % 50)
  const message = { id: chatID(2 ** 40 + ++ids), seq: chat.seq, author: { id: user, name: `user ${user}` }, content, createdAt: new Date().toISOString() }
  chat.log.push(message)
  if (chat.log.length > 2 * kept) chat.log = chat.log.slice(kept)
  return message
}

function add(n, messages) {
  const chat = { id: chatID(n), title: `chat ${n}`, seq: 1, log: [] }
  chats.set(chat.id, chat)
  for (let i = 0; i < messages; i++) append(chat, text)
}

for (let n = 0; n < 1000; n++) add(n, 50)
for (let n = 0; n < 10_000; n++) add(10_000 + n, 1)
add(30_000, 1)
const order = [...chats.values()]

const resolvers = {
  Query: { chats: (_, { first }) => ({ nodes: order.slice(0, first ?? 20) }), chat: (_, { id }) => chats.get(id) },
  Chat: { lastMessage: chat => chat.log.at(-1), messages: (chat, { last }) => ({ nodes: chat.log.slice(-(last ?? 50)) }) },
  Mutation: { sendMessage: (_, { input }) => ({ message: append(chats.get(input.chatId), input.content) }) },
}

const app = Fastify()
const schema = readFileSync(new URL('../schema.graphqls', import.meta.url), 'utf8')
  .replace(/^type Subscription.*\n/m, '') // fan-out is compared with gqlgen and the floor alone
await app.register(mercurius, { schema, resolvers, path: '/graphql', jit: 1 })
await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' })
