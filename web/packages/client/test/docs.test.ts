// The blocks of docs/clients.md that use the rules, run as they are shown.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ListState, VersionedChat } from '../src/rules.js'

const dir = join(import.meta.dirname, '.docs')
const names: string[] = []
beforeAll(() => {
  mkdirSync(dir, { recursive: true })
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/clients.md'), 'utf8')
  for (const [, name, text] of page.matchAll(/^```ts web=(\S+)\n(.*?)^```$/gms)) {
    names.push(name!)
    writeFileSync(join(dir, name!), text!)
  }
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const chat = (id: string, seq: number): VersionedChat => ({ id, seq, lastMessageAt: `2026-01-01T00:00:0${seq}Z`, viewerState: { readSeq: 0 } })
const load = (name: string) => import(/* @vite-ignore */ join(dir, name))

test('every block is run below', () => expect(names).toEqual(['apollo-rules.ts', 'urql-rules.ts', 'relay-rules.ts']))

test('Apollo Client: an answer that an event overtook does not win, and a reset reads again', async () => {
  const { list, onChats, onEvent } = await load('apollo-rules.ts')
  onChats([chat('a', 1)])
  onEvent({ __typename: 'MessageSent', chatId: 'a', seq: 3, chat: chat('a', 3) })
  onChats([chat('a', 2), chat('b', 1)])
  expect([...(list() as ListState<VersionedChat>).rows.values()].map(c => [c.id, c.seq])).toEqual([['a', 3], ['b', 1]])
  let refetched = 0
  onEvent({ __typename: 'StreamReset', resetChatId: null }, () => { refetched++ })
  expect([refetched, list().rows.size]).toEqual([1, 0])
})

test('urql: the handler keeps the list', async () => {
  const { listHandler } = await load('urql-rules.ts')
  const handle = listHandler([chat('a', 1), chat('b', 1)])
  const first = handle(undefined, { chatEvents: { __typename: 'ChatRenamed', chatId: 'a', seq: 2, chat: chat('a', 2) } })
  const second = handle(first, { chatEvents: { __typename: 'ChatDeleted', chatId: 'b', seq: 2, chat: null } })
  expect([...second.rows.values()].map((c: VersionedChat) => [c.id, c.seq])).toEqual([['a', 2]])
})

test('Relay: the store keeps an open chat', async () => {
  const { createChatStore } = await load('relay-rules.ts')
  const store = createChatStore()
  let told = 0
  store.subscribe(() => { told++ })
  store.take({ type: 'typingExpired', userId: 'ann' })
  store.take({ type: 'gone' })
  expect([told, store.getSnapshot().gone]).toEqual([2, true])
})
