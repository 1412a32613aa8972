// What the owner of a chat alone may do, against the real server: hand it over, and delete all at once.
import { afterEach, beforeAll, expect, test } from 'vitest'
import WebSocket from 'ws'
import { createStudychat, type Studychat } from '../src/index.js'
import { sign, startServer, until, type Server } from './server.js'

let server: Server
beforeAll(async () => { server = await startServer() })

const clients: Studychat[] = []
afterEach(() => { for (const client of clients.splice(0)) client.close() })

function connect(user: string): Studychat {
  const client = createStudychat({ url: server.url, getToken: () => sign(user), webSocketImpl: WebSocket, storage: 'memory' })
  clients.push(client)
  return client
}

async function open(user: string, id: string) {
  const chat = connect(user).chat(id)
  chat.subscribe(() => {})
  await until(`${user} has opened it`, () => chat.getSnapshot().members.length > 0)
  return chat
}

test('a chat is handed over: both see the new owner, who alone may hand it on', async () => {
  const id = await server.newChat('ann')
  await server.ask('bob', '{ viewer { id } }')
  await server.ask('ann', 'mutation ($input: AddMemberInput!) { addMember(input: $input) { chat { id } } }', { input: { chatId: id, userId: 'bob' } })
  const ann = await open('ann', id), bob = await open('bob', id)
  const idOf = (name: string) => ann.getSnapshot().members.find(m => m.user.name === name)!.user.id
  const roles = (chat: typeof ann) => Object.fromEntries(chat.getSnapshot().members.map(m => [m.user.name, m.role]))
  await until('both are there', () => ann.getSnapshot().members.length === 2)

  await expect(bob.transfer('bob')).rejects.toMatchObject({ code: 'FORBIDDEN' })
  await expect(ann.transfer('nobody')).rejects.toMatchObject({ code: 'CONFLICT' })
  expect(roles(ann)).toEqual({ ann: 'OWNER', bob: 'MEMBER' })

  await ann.transfer(idOf('bob'))
  expect(roles(ann)).toEqual({ ann: 'MEMBER', bob: 'OWNER' }) // by the answer, though the event may not have come
  expect(ann.getSnapshot().chat?.viewerState.role).toBe('MEMBER')
  await until('bob is the owner', () => bob.getSnapshot().chat?.viewerState.role === 'OWNER' && roles(bob).bob === 'OWNER')
  expect(roles(bob)).toEqual({ ann: 'MEMBER', bob: 'OWNER' })
  await expect(ann.transfer('ann')).rejects.toMatchObject({ code: 'FORBIDDEN' })
  await bob.transfer('ann')
  await until('ann has it back', () => ann.getSnapshot().chat?.viewerState.role === 'OWNER')
  expect(roles(ann)).toEqual({ ann: 'OWNER', bob: 'MEMBER' })
})

test('all own chats are deleted, those that wait too; those of others stay', async () => {
  const mine = [await server.newChat('cyd', 'one'), await server.newChat('cyd', 'two')]
  const other = await server.newChat('dan', 'of dan')
  await server.ask('cyd', '{ viewer { id } }')
  await server.ask('dan', 'mutation ($input: AddMemberInput!) { addMember(input: $input) { chat { id } } }', { input: { chatId: other, userId: 'cyd' } })
  const client = connect('cyd')
  const list = client.chats()
  list.subscribe(() => {})
  await until('the list is there', () => list.getSnapshot().chats.length === 3)
  client.chat(mine[0]!).subscribe(() => {})
  const waits = list.startNewChat({ title: 'x'.repeat(300), firstMessage: 'never sent' }) // too long: it fails, and stays
  await until('it has failed', () => client.outbox.getSnapshot().failed === 1)

  expect([...await list.clearChats()].sort()).toEqual([...mine, waits].sort())
  expect(list.getSnapshot().chats.map(c => c.title)).toEqual(['of dan'])
  expect(client.outbox.getSnapshot().items).toEqual([])
  expect(client.chat(mine[0]!).getSnapshot().gone).toBe(true)
  expect(await list.clearChats()).toEqual([])
  const { chats } = await server.ask<{ chats: { nodes: { id: string }[] } }>('cyd', '{ chats { nodes { id } } }')
  expect(chats.nodes).toEqual([{ id: other }])
})
