import type {Store} from '@studychat/client';
import {useEffect, useState, useSyncExternalStore} from 'react';

/** What a store shows. */
export function useStore<Snapshot>(store: Store<Snapshot>): Snapshot {
  return useSyncExternalStore(store.subscribe, store.getSnapshot);
}

const minute = 60_000;

/** The time in whole minutes: now, and again in each minute. */
export function useMinute(now: () => number): number {
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again(count => count + 1), minute);
    return () => clearInterval(timer);
  }, []);
  return Math.floor(now() / minute) * minute; // in each drawing, since the server's time is known a little later
}

/** Whether the page is seen and has the focus. */
export function useAttention(): boolean {
  return useSyncExternalStore(watchAttention, () => document.visibilityState === 'visible' && document.hasFocus());
}

function watchAttention(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener);
  addEventListener('focus', listener);
  addEventListener('blur', listener);
  return () => {
    document.removeEventListener('visibilitychange', listener);
    removeEventListener('focus', listener);
    removeEventListener('blur', listener);
  };
}
