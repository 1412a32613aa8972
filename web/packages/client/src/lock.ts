import type { JobStorage } from './storage.js'
import { uuid } from './time.js'

/** Runs work in one tab at a time. `held` says whether the work still has the right to go on. */
export type Lock = (work: (held: () => boolean) => Promise<void>) => Promise<void>

// A tab that holds the lock for so long is frozen: a browser may stop a hidden page in the midst of a request.
const PATIENCE = 25_000
// A lease outlives its tab, so it is short: a reload in mid-send waits for its end. Web Locks end with their tab.
const LEASE = 5_000

/** Web Locks, or a lease in the storage where a browser has none. A storage of one tab needs neither. */
export function createLock(name: string, storage: JobStorage): Lock {
  if (!storage.persistent) return work => work(() => true)
  return globalThis.navigator?.locks ? webLock(name, navigator.locks) : leaseLock(storage)
}

function webLock(name: string, locks: LockManager): Lock {
  return async work => {
    let held = true
    const run = () => work(() => held)
    const impatience = new AbortController()
    const timer = setTimeout(() => impatience.abort(), PATIENCE)
    try {
      await locks.request(name, { signal: impatience.signal }, () => { clearTimeout(timer); return run() })
    } catch (error) {
      if (!impatience.signal.aborted) {
        held = false // another tab took the lock: it found this one frozen
        if ((error as { name?: string }).name === 'AbortError') return
        throw error
      }
      await locks.request(name, { steal: true }, run)
    } finally {
      clearTimeout(timer)
    }
  }
}

function leaseLock(storage: JobStorage): Lock {
  const owner = uuid()
  return async work => {
    let until = Date.now() + LEASE
    while (!(await storage.lease(owner, LEASE))) await new Promise(resolve => setTimeout(resolve, 500 + Math.random() * 500))
    until = Date.now() + LEASE
    const renewal = setInterval(() => void storage.lease(owner, LEASE).then(mine => { until = mine ? Date.now() + LEASE : 0 }, () => {}), LEASE / 4)
    try {
      await work(() => Date.now() < until)
    } finally {
      clearInterval(renewal)
      await storage.lease(owner, 0).catch(() => {})
    }
  }
}
