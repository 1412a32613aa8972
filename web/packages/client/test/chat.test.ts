// An open chat without a server: what ends by itself, what is said how often, and what a late answer may not do.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Chat } from '../src/chat.js'
import type { Stream } from '../src/connection.js'
import type { Core } from '../src/core.js'
import { Outbox } from '../src/outbox.js'
import { Value } from '../src/store.js'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

const user = (id: string) => ({ id, name: id, avatarUrl: null })
const at = '2026-01-01T00:00:00.000000Z'
const head = {
  id: 'chat', seq: 1, title: 'chat', createdAt: at, lastMessageAt: at, moduleId: null, module: null, createdBy: user('ann'), lastMessage: null,
  viewerState: { id: 'state:chat', role: 'OWNER', readSeq: 0, unreadCount: 0, mutedUntil: null, pinnedAt: null, archivedAt: null },
}
const member = (id: string) => ({ id: `member:${id}`, role: 'MEMBER', joinedAt: at, readSeq: 0, user: user(id) })
const page = { edges: [], pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null }, eventCursor: 'c0' }

async function setUp() {
  const asked: [string, unknown][] = []
  let stream: Stream | undefined
  const outbox = new Outbox({ perform: async () => ({}), done: () => {}, changed: () => chat.show() })
  const core = {
    outbox, viewer: new Value(user('ann')), windowSize: 400, start() {}, setTime() {}, now: () => 0, tellChat() {}, readHere() {}, retired() {},
    persist: (request: () => Promise<unknown>) => request(),
    request: async (document: string, variables: unknown) => {
      asked.push([/\w+ (\w+)/.exec(document)![1]!, variables])
      return { chat: { ...head, members: [member('ann'), member('bob')], online: [user('bob')], messages: page }, markRead: { chat: head } }
    },
    connection: { open: (opened: Stream) => { stream = opened; return () => { stream = undefined } } },
  } as unknown as Core
  const chat = new Chat('chat', core)
  const stop = chat.store.subscribe(() => {})
  await vi.advanceTimersByTimeAsync(0)
  const take = (event: object) => { stream!.next({ chatEvents: { cursor: 'c', at, chatId: 'chat', ...event } }); vi.advanceTimersByTime(20) }
  const bob = () => chat.store.getSnapshot().members.find(m => m.user.id === 'bob')!
  return { chat: chat.store, asked, take, bob, stop, stream: () => stream }
}

test('typing ends 6 s after the last word of it, or with the message', async () => {
  const { take, bob } = await setUp()
  take({ __typename: 'TypingChanged', user: user('bob'), typing: true })
  vi.advanceTimersByTime(4_000)
  take({ __typename: 'TypingChanged', user: user('bob'), typing: true })
  vi.advanceTimersByTime(5_900)
  expect(bob().typing).toBe(true)
  vi.advanceTimersByTime(200)
  expect(bob().typing).toBe(false)
})

test('who is online is not known any more 10 s after the stream broke, and known again when it is back', async () => {
  const { take, bob, stream } = await setUp()
  expect(bob().online).toBe(true)
  stream()!.cut!()
  vi.advanceTimersByTime(9_000)
  expect(bob().online).toBe(true)
  vi.advanceTimersByTime(2_000)
  expect(bob().online).toBe(false)
  take({ __typename: 'StreamStarted', resumed: true, online: [user('bob')], readMarks: [] })
  expect(bob().online).toBe(true)
  stream()!.cut!()
  take({ __typename: 'StreamStarted', resumed: true, online: [user('bob')], readMarks: [] })
  vi.advanceTimersByTime(20_000)
  expect(bob().online).toBe(true)
})

test('the viewer who types says so every 3 s at most, and has stopped 5 s after the last key', async () => {
  const { chat, asked } = await setUp()
  asked.length = 0
  for (let i = 0; i < 40; i++) { chat.setTyping(true); vi.advanceTimersByTime(100) }
  expect(asked.map(([, v]) => (v as { input: { typing: boolean } }).input.typing)).toEqual([true, true])
  vi.advanceTimersByTime(5_000)
  expect(asked.map(([, v]) => (v as { input: { typing: boolean } }).input.typing)).toEqual([true, true, false])
})

test('a StreamReset reads everything again; the stream goes on from the new answer', async () => {
  const { take, asked, stream, chat } = await setUp()
  asked.length = 0
  take({ __typename: 'StreamReset', resetChatId: 'chat', reason: 'EPOCH', cursor: 'reset' })
  expect(stream()).toBeUndefined()
  expect(chat.getSnapshot().isLoading).toBe(true)
  await vi.advanceTimersByTimeAsync(0)
  expect([asked[0]![0], stream()!.variables()['after'], chat.getSnapshot().isLoading]).toEqual(['OpenChat', 'c0', false])
})

test('after the last watcher has left the stream goes on for a moment, and a later watcher resumes it', async () => {
  const { take, stop, stream, chat, asked } = await setUp()
  take({ __typename: 'StreamStarted', resumed: true, online: [], readMarks: [], cursor: 'c7' })
  stop()
  expect(stream()).toBeDefined()
  vi.advanceTimersByTime(6_000)
  expect(stream()).toBeUndefined()
  asked.length = 0
  chat.subscribe(() => {})
  expect(stream()!.variables()['after']).toBe('c7')
  expect(asked).toEqual([])
})
