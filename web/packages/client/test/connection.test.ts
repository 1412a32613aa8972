// The connection without a server: its states, its patience, and how it notices that it has slept.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Access } from '../src/access.js'
import { Connection, type Failure, type Sink, type Stream, type Transport } from '../src/connection.js'
import { backOff, paced, uuid } from '../src/time.js'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals() })

function setUp() {
  const opened: { variables: Record<string, unknown>; sink: Sink; stopped: boolean }[] = []
  const transport: Transport & { checks: number } = {
    checks: 0,
    open(_, variables, sink) {
      const one = { variables, sink, stopped: false }
      opened.push(one)
      return () => { one.stopped = true }
    },
    check() { transport.checks++ },
    close() {},
  }
  const wakes = vi.fn()
  const access = new Access(() => 'token', () => connection.tokenRefused())
  const connection = new Connection(transport, access, wakes)
  let cursor = 0
  const stream: Stream = { query: 'q', variables: () => ({ after: cursor }), next: vi.fn(() => { cursor++ }), refused: vi.fn(), complete: vi.fn(), cut: vi.fn() }
  const last = () => opened.at(-1)!.sink
  const states: string[] = []
  connection.status.subscribe(() => states.push(connection.status.getSnapshot()))
  const fail = (failure: Failure) => last().failed(failure)
  return { opened, transport, connection, stream, last, states, fail, wakes, access }
}

describe('the connection', () => {
  test('resumes from the cursor after a break, and says how it goes', () => {
    const { opened, connection, stream, last, states, fail } = setUp()
    connection.open(stream)
    expect(connection.status.getSnapshot()).toBe('connecting')
    last().next({})
    last().next({})
    fail({ kind: 'lost' })
    expect(stream.cut).toHaveBeenCalledOnce()
    vi.advanceTimersByTime(1_000)
    expect(opened.map(o => o.variables)).toEqual([{ after: 0 }, { after: 2 }])
    last().next({})
    expect(states).toEqual(['online', 'reconnecting', 'online'])
    connection.close()
    expect(connection.status.getSnapshot()).toBe('closed')
    expect(opened.at(-1)!.stopped).toBe(true)
  })

  test('waits longer after each failure, at random, and at most 30 s', () => {
    const { opened, connection, stream, fail } = setUp()
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.999)
    connection.open(stream)
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      fail({ kind: 'lost' })
      const n = opened.length
      vi.advanceTimersByTime(seconds * 999 - 10)
      expect(opened.length).toBe(n)
      vi.advanceTimersByTime(20)
      expect(opened.length).toBe(n + 1)
    }
    expect(random).toHaveBeenCalled()
    random.mockRestore()
    const waits = Array.from({ length: 1000 }, () => backOff(10))
    expect([Math.min(...waits) < 3_000, Math.max(...waits) > 27_000, Math.max(...waits) <= 30_000]).toEqual([true, true, true])
    connection.close()
  })

  test('a server that takes connections and drops them at once is not hammered', () => {
    const { opened, connection, stream, last, fail } = setUp()
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    connection.open(stream)
    for (let i = 0; i < 60; i++) {
      last().next({})
      fail({ kind: 'lost' })
      vi.advanceTimersByTime(1_000)
    }
    expect(opened.length).toBeLessThan(10)
    vi.restoreAllMocks()
    connection.close()
  })

  test('an expired token is replaced at once; a second refusal is told, and tried again slowly', () => {
    const { opened, connection, stream, last, states, fail } = setUp()
    connection.open(stream)
    last().next({})
    fail({ kind: 'token' })
    vi.advanceTimersByTime(1)
    expect(opened.length).toBe(2)
    fail({ kind: 'token' })
    expect(states).toEqual(['online', 'reconnecting', 'refused'])
    vi.advanceTimersByTime(30_000)
    expect(opened.length).toBeGreaterThan(2)
    connection.reconnect() // the user has signed in
    last().next({})
    expect(states.at(-1)).toBe('online')
    connection.close()
  })

  test('a refused operation ends its stream alone', () => {
    const { connection, stream, last, opened } = setUp()
    connection.open(stream)
    const first = last()
    const other: Stream = { ...stream, refused: vi.fn() }
    connection.open(other)
    last().failed({ kind: 'refused', error: null as never })
    expect(other.refused).toHaveBeenCalledOnce()
    first.next({})
    expect(connection.status.getSnapshot()).toBe('online')
    vi.advanceTimersByTime(60_000)
    expect(opened.length).toBe(2)
    connection.close()
  })

  test('the browser says offline and online: told at once, tried at once', () => {
    vi.stubGlobal('navigator', { onLine: true })
    const listeners = new Map<string, () => void>()
    vi.stubGlobal('addEventListener', (name: string, does: () => void) => listeners.set(name, does))
    vi.stubGlobal('removeEventListener', (name: string) => listeners.delete(name))
    const { connection, stream, last, states, fail, opened, wakes } = setUp()
    connection.open(stream)
    last().next({})
    vi.stubGlobal('navigator', { onLine: false })
    listeners.get('offline')!()
    expect(states.at(-1)).toBe('offline')
    fail({ kind: 'lost' })
    vi.stubGlobal('navigator', { onLine: true })
    const n = opened.length
    wakes.mockClear()
    listeners.get('online')!()
    expect(opened.length).toBe(n + 1)
    expect(wakes).toHaveBeenCalled() // the outbox goes on too
    last().next({})
    expect(states.at(-1)).toBe('online')
    connection.close()
    expect(listeners.size).toBe(0)
  })

  test('a computer that slept, or a page that was frozen, is noticed by a timer that comes late', () => {
    const { connection, stream, transport, last, fail, opened } = setUp()
    connection.open(stream)
    last().next({})
    vi.advanceTimersByTime(20_000)
    expect(transport.checks).toBe(0)
    vi.setSystemTime(Date.now() + 90_000)
    vi.advanceTimersByTime(5_000)
    expect(transport.checks).toBe(1)
    fail({ kind: 'lost' })
    const n = opened.length
    vi.setSystemTime(Date.now() + 90_000)
    vi.advanceTimersByTime(5_000)
    expect(opened.length).toBeGreaterThan(n)
    connection.close()
  })

  test('a stream that its owner stops, or the server completes, does not come back', () => {
    const { connection, stream, last, opened, fail } = setUp()
    const stop = connection.open(stream)
    const first = last()
    stop()
    first.next({})
    fail({ kind: 'lost' })
    connection.open(stream)
    last().complete()
    expect([stream.complete, stream.next, stream.cut].map(f => (f as ReturnType<typeof vi.fn>).mock.calls.length)).toEqual([1, 0, 0])
    vi.advanceTimersByTime(60_000)
    expect(opened.length).toBe(2)
    connection.close()
  })
})

test('paced calls at once, then at most once per time, and never forgets the last', () => {
  const does = vi.fn()
  const call = paced(does, 16)
  for (let i = 0; i < 10; i++) call()
  expect(does).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(16)
  expect(does).toHaveBeenCalledTimes(2)
  vi.advanceTimersByTime(100)
  expect(does).toHaveBeenCalledTimes(2)
  call()
  expect(does).toHaveBeenCalledTimes(3)
})

test('ids are UUIDs of version 4 also without crypto.randomUUID', () => {
  vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) })
  const ids = Array.from({ length: 100 }, uuid)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(new Set(ids).size).toBe(100)
})
