// The outbox under random failures, reloads and a second tab: each message is stored once, in the order in which it was written.
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { StudychatError } from '../src/errors.js'
import type { Lock } from '../src/lock.js'
import { Outbox } from '../src/outbox.js'
import { memoryStorage, type Job, type JobStorage } from '../src/storage.js'

beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] }) })
afterEach(() => { vi.useRealTimers() })

/** The server: what it stored, in its order. */
class Backend {
  readonly log: Job[] = []
  readonly texts = new Map<string, string>()
  readonly chats = new Set<string>()
  calls = 0
  fate: () => 'ok' | 'lost' | 'unknown' | 'limited' | 'unavailable' = () => 'ok'

  readonly perform = async (job: Job): Promise<unknown> => {
    this.calls++
    const fate = this.fate()
    await wait(this.calls % 7)
    if (fate === 'limited') throw new StudychatError('RATE_LIMITED', 'slow down', null, 50)
    if (fate === 'unavailable') throw new StudychatError('UNAVAILABLE', 'later', null, 20)
    if (fate === 'lost') throw new StudychatError('NETWORK', 'lost')
    this.store(job)
    await wait(this.calls % 5)
    if (fate === 'unknown') throw new StudychatError('NETWORK', 'the answer is lost')
    return { stored: job.id }
  }

  private store(job: Job): void {
    if (job.text === 'bad') throw new StudychatError('BAD_USER_INPUT', 'bad')
    if (job.kind === 'createChat') { this.chats.add(job.id); return }
    if (job.chatId.startsWith('new') && !this.chats.has(job.chatId)) throw new StudychatError('NOT_FOUND', 'no such chat')
    const id = job.messageId ?? job.id
    if (job.kind === 'editMessage') { this.texts.set(id, job.text); return }
    if (this.log.some(stored => stored.id === job.id)) {
      if (this.log.find(stored => stored.id === job.id)!.text !== job.text) throw new StudychatError('CONFLICT', 'other content')
      return
    }
    this.log.push(job)
    this.texts.set(id, job.text)
  }
}

const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** A browser: one storage, one lock, and tabs that hear each other. */
class Browser {
  readonly storage: JobStorage = { ...memoryStorage(), persistent: true }
  readonly tabs: Tab[] = []
  private holder: Tab | null = null
  private readonly queue: (() => void)[] = []

  lockOf(tab: Tab): Lock {
    return async work => {
      while (this.holder) await new Promise<void>(resolve => { this.queue.push(resolve) })
      if (!tab.open) return
      this.holder = tab
      try {
        await work(() => this.holder === tab)
      } finally {
        this.release(tab)
      }
    }
  }

  /** A lock ends with its tab. */
  release(tab: Tab): void {
    if (this.holder !== tab) return
    this.holder = null
    for (const next of this.queue.splice(0)) next()
  }
}

class Tab {
  open = true
  readonly outbox: Outbox
  readonly done: string[] = []
  /** Messages that were shown and are neither sent nor waiting: there must be none. */
  readonly shown = new Set<string>()
  onmessage: ((event: { data: unknown }) => void) | null = null

  constructor(readonly browser: Browser, backend: Backend) {
    browser.tabs.push(this)
    this.outbox = new Outbox({
      perform: backend.perform,
      done: job => { this.done.push(job.id) },
      changed: () => { for (const { job } of this.outbox.all()) this.shown.add(job.id) },
    })
    const channel = {
      set onmessage(value: never) { tab.onmessage = value },
      postMessage: (data: unknown) => { for (const other of browser.tabs) if (other !== tab && other.open) queueMicrotask(() => other.onmessage?.({ data: structuredClone(data) })) },
      close: () => { tab.onmessage = null },
    } as unknown as BroadcastChannel
    const tab = this
    void this.outbox.settle({ storage: browser.storage, lock: browser.lockOf(this), channel }).then(() => this.outbox.drain())
  }

  close(): void {
    this.open = false
    this.outbox.close()
    this.browser.tabs.splice(this.browser.tabs.indexOf(this), 1)
    this.browser.release(this)
  }
}

let ids = 0
function write(outbox: Outbox, chatId: string, text = `text ${ids}`, id = `m${++ids}`): string {
  outbox.add({ id, chatId, kind: 'sendMessage', at: '', text })
  return id
}

describe('the outbox', () => {
  test('under random failures, reloads and two tabs, each message is stored once, and in order', async () => {
    const step = fc.record({
      kind: fc.constantFrom('write', 'write', 'write', 'edit', 'reload', 'wait', 'wake', 'event', 'discard'),
      tab: fc.nat(1), chat: fc.nat(2), which: fc.nat(100), ms: fc.integer({ min: 0, max: 3000 }),
    })
    const fates = fc.array(fc.constantFrom('ok', 'ok', 'lost', 'unknown', 'limited', 'unavailable'), { minLength: 1, maxLength: 20 })
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), fates, async (steps, fates) => {
      const backend = new Backend(), browser = new Browser()
      backend.fate = () => fates[backend.calls % fates.length]! as 'ok'
      const tabs = [new Tab(browser, backend), new Tab(browser, backend)]
      const written = new Map<string, string[]>(), wanted = new Map<string, string>(), dropped = new Set<string>()
      for (const { kind, tab: t, chat, which, ms } of steps) {
        const { outbox } = tabs[t]!
        const chatId = `chat${chat}`
        const mine = outbox.all().filter(e => e.job.kind === 'sendMessage')
        const picked = mine[which % Math.max(1, mine.length)]
        if (kind === 'write') {
          const id = write(outbox, chatId)
          write(outbox, chatId, 'a second click', id)
          written.set(chatId, [...written.get(chatId) ?? [], id])
          wanted.set(id, outbox.of(chatId).find(e => e.job.id === id)!.job.text)
          await vi.advanceTimersByTimeAsync(0) // written down: a reload does not lose it
        } else if (kind === 'edit' && picked) {
          const text = `edit ${++ids}`, { id } = picked.job
          const later = () => outbox.add({ id: `e${++ids}`, chatId: picked.job.chatId, kind: 'editMessage', messageId: id, text, at: '' })
          if (!outbox.rewrite(id, text, later)) later()
          wanted.set(id, text)
          await vi.advanceTimersByTimeAsync(0)
        } else if (kind === 'discard' && picked && !picked.sending && picked.job.attempts === 0 && !outbox.all().some(e => e.job.messageId === picked.job.id)) {
          outbox.discard(picked.job.id)
          dropped.add(picked.job.id)
          await vi.advanceTimersByTimeAsync(0)
        } else if (kind === 'reload') {
          tabs[t]!.close()
          tabs[t] = new Tab(browser, backend)
        } else if (kind === 'wait') await vi.advanceTimersByTimeAsync(ms)
        else if (kind === 'wake') outbox.wake()
        else if (kind === 'event') for (const job of backend.log) outbox.confirm(job.id)
      }
      backend.fate = () => 'ok'
      await vi.advanceTimersByTimeAsync(300_000)
      for (const tab of tabs) expect(tab.outbox.all()).toEqual([])
      for (const [chatId, ids] of written) {
        const stored = backend.log.filter(job => job.chatId === chatId).map(job => job.id)
        const surely = ids.filter(id => !dropped.has(id) || stored.includes(id))
        expect(stored).toEqual(surely)
        for (const id of surely) if (!dropped.has(id)) expect(backend.texts.get(id)).toBe(wanted.get(id))
      }
      for (const tab of tabs) tab.close()
    }), { numRuns: 150 })
  })

  test('what fails for good steps aside, is sent again under the same id, or dropped', async () => {
    const backend = new Backend(), { outbox } = new Tab(new Browser(), backend)
    const bad = write(outbox, 'chat', 'bad'), good = write(outbox, 'chat', 'good')
    await vi.advanceTimersByTimeAsync(1_000)
    expect(backend.log.map(job => job.id)).toEqual([good])
    expect(outbox.view.getSnapshot()).toMatchObject({ waiting: 0, failed: 1, items: [{ id: bad, state: 'failed', error: { code: 'BAD_USER_INPUT' } }] })
    expect(outbox.rewrite(bad, 'better', () => {})).toBe(true)
    outbox.retry(bad)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(backend.log.map(job => [job.id, job.text])).toEqual([[good, 'good'], [bad, 'better']])
    const worse = write(outbox, 'chat', 'bad')
    await vi.advanceTimersByTimeAsync(1_000)
    outbox.discard(worse)
    expect(outbox.view.getSnapshot().items).toEqual([])
  })

  test('a chat that cannot be started holds its messages back, and takes them along', async () => {
    const backend = new Backend(), { outbox } = new Tab(new Browser(), backend)
    outbox.add({ id: 'new1', chatId: 'new1', kind: 'createChat', at: '', text: 'bad' })
    write(outbox, 'new1')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(outbox.all().map(e => e.job.state)).toEqual(['failed', 'queued'])
    outbox.discard('new1')
    expect(outbox.all()).toEqual([])
    outbox.add({ id: 'new2', chatId: 'new2', kind: 'createChat', at: '', text: 'fine' })
    const first = write(outbox, 'new2')
    await vi.advanceTimersByTimeAsync(1_000)
    expect([backend.chats.has('new2'), backend.log.map(job => job.id)]).toEqual([true, [first]])
  })

  test('RATE_LIMITED waits for as long as the server says, and then sends', async () => {
    const backend = new Backend(), { outbox } = new Tab(new Browser(), backend)
    let told = 0
    backend.fate = () => (told++ === 0 ? 'limited' : 'ok')
    write(outbox, 'chat')
    await vi.advanceTimersByTimeAsync(45)
    outbox.wake() // a network that is back does not lift a limit
    await vi.advanceTimersByTimeAsync(2)
    expect([backend.calls, outbox.view.getSnapshot().waiting]).toEqual([1, 1])
    await vi.advanceTimersByTimeAsync(400)
    expect([backend.log.length, outbox.all().length]).toEqual([1, 0])
  })

  test('a chat that is stuck does not hold up the others', async () => {
    const backend = new Backend(), { outbox } = new Tab(new Browser(), backend)
    const perform = backend.perform
    Object.assign(backend, { perform: undefined })
    const stuck = new Tab(new Browser(), { perform: (job: Job) => (job.chatId === 'stuck' ? new Promise(() => {}) : perform(job)) } as unknown as Backend)
    write(stuck.outbox, 'stuck')
    await vi.advanceTimersByTimeAsync(10)
    const other = write(stuck.outbox, 'other')
    await vi.advanceTimersByTimeAsync(100)
    expect(backend.log.map(job => job.id)).toEqual([other])
    outbox.close()
  })

  test('the other tab shows what waits, and hears the answer before the message leaves the outbox', async () => {
    const backend = new Backend(), browser = new Browser()
    const [one, two] = [new Tab(browser, backend), new Tab(browser, backend)]
    backend.fate = () => 'lost'
    const id = write(one.outbox, 'chat')
    await vi.advanceTimersByTimeAsync(10)
    expect(two.outbox.all().map(e => e.job.id)).toEqual([id])
    backend.fate = () => 'ok'
    await vi.advanceTimersByTimeAsync(60_000)
    expect([one.done, two.done]).toEqual([[id], [id]])
    expect(backend.log.length).toBe(1)
  })

  test('signing out wipes what waits, in all tabs', async () => {
    const backend = new Backend(), browser = new Browser()
    backend.fate = () => 'lost'
    const one = new Tab(browser, backend)
    write(one.outbox, 'chat')
    await vi.advanceTimersByTimeAsync(10)
    await one.outbox.wipe()
    expect(await browser.storage.load()).toEqual([])
    expect(one.outbox.all()).toEqual([])
  })
})
