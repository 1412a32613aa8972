// One tab sends at a time: by Web Locks, and by a lease where there are none.
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLock } from '../src/lock.js'
import { memoryStorage, openDisk } from '../src/storage.js'

beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] }) })
afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals() })

/** What browsers have, for one name. */
class Locks {
  private holder: { reject(error: unknown): void } | null = null
  private readonly queue: (() => void)[] = []

  async request(_: string, options: { signal?: AbortSignal; steal?: boolean }, work: () => Promise<void>): Promise<void> {
    if (options.steal) this.holder?.reject(new DOMException('stolen', 'AbortError'))
    else {
      while (this.holder) {
        await new Promise<void>((resolve, reject) => {
          this.queue.push(resolve)
          options.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')))
        })
      }
    }
    const held: { reject(error: unknown): void } = { reject: () => {} }
    this.holder = held
    try {
      await Promise.race([work(), new Promise<void>((_, reject) => { held.reject = reject })])
    } finally {
      if (this.holder === held) { this.holder = null; for (const next of this.queue.splice(0)) next() }
    }
  }
}

const persistent = () => ({ ...memoryStorage(), persistent: true })

test('with Web Locks the work of two tabs does not overlap, and a frozen tab loses the lock', async () => {
  vi.stubGlobal('navigator', { locks: new Locks() })
  const [one, two] = [createLock('name', persistent()), createLock('name', persistent())]
  const log: string[] = []
  let thaw = () => {}
  const first = one(async held => {
    log.push('one begins')
    await new Promise<void>(resolve => { thaw = resolve })
    log.push(`one is ${held() ? 'allowed' : 'not allowed'} to go on`)
  })
  const second = two(async held => { log.push(`two ${held() ? 'works' : 'does not'}`) })
  await vi.advanceTimersByTimeAsync(20_000)
  expect(log).toEqual(['one begins'])
  await vi.advanceTimersByTimeAsync(10_000)
  await Promise.all([first, second])
  expect(log).toEqual(['one begins', 'two works'])
  thaw()
  await vi.advanceTimersByTimeAsync(1)
  expect(log.at(-1)).toBe('one is not allowed to go on')
})

test('without Web Locks a lease in IndexedDB does the same', async () => {
  vi.stubGlobal('navigator', {})
  vi.stubGlobal('indexedDB', new IDBFactory())
  vi.stubGlobal('IDBKeyRange', IDBKeyRange)
  const disks = await Promise.all([openDisk(), openDisk()])
  const [one, two] = disks.map(disk => createLock('name', disk.jobs('ann')))
  let working = 0, most = 0, runs = 0
  const work = async () => {
    most = Math.max(most, ++working)
    await new Promise(resolve => setTimeout(resolve, 200))
    working--
    runs++
  }
  const all = Promise.all([one!(work).then(() => one!(work)), two!(work).then(() => two!(work))])
  while (runs < 4) {
    await vi.advanceTimersByTimeAsync(100)
    await new Promise(resolve => setImmediate(resolve)) // fake-indexeddb's own
  }
  await all
  expect(most).toBe(1)
  for (const disk of disks) disk.close()
})

test('a job has its place in the queue, is kept per user, and is changed in one transaction', async () => {
  vi.stubGlobal('indexedDB', new IDBFactory())
  vi.stubGlobal('IDBKeyRange', IDBKeyRange)
  vi.useRealTimers()
  const disk = await openDisk()
  const [ann, bob] = [disk.jobs('ann'), disk.jobs('bob')]
  const job = (id: string) => ({ n: 0, id, chatId: 'chat', kind: 'sendMessage' as const, state: 'queued' as const, attempts: 0, error: null, at: '', text: id })
  await Promise.all([ann.add(job('a')), bob.add(job('x')), ann.add(job('b')), ann.add(job('a'))])
  expect((await ann.load()).map(j => j.id)).toEqual(['a', 'b'])
  await Promise.all([1, 2, 3, 4, 5].map(() => ann.update('a', j => ({ ...j, attempts: j.attempts + 1 }))))
  expect((await ann.load())[0]!.attempts).toBe(5)
  expect(await ann.update('a', () => null)).toBeNull()
  expect(await ann.update('a', j => j)).toBeNull()
  await ann.wipe()
  expect([(await ann.load()).length, (await bob.load()).length]).toEqual([0, 1])
  await disk.setLastUser('server', { user: { id: 'user:ann', name: 'ann', avatarUrl: null }, subject: 'ann' })
  expect(await disk.lastUser('server')).toMatchObject({ user: { id: 'user:ann' }, subject: 'ann' })
  await disk.setLastUser('server', null)
  expect(await disk.lastUser('server')).toBeNull()
  disk.close()
})
