import type {Store} from '@studychat/client';
import {useEffect, useState, useSyncExternalStore} from 'react';

/** What a store shows. */
export function useStore<Snapshot>(store: Store<Snapshot>): Snapshot {
  return useSyncExternalStore(store.subscribe, store.getSnapshot);
}

/** The time, again each minute. */
export function useMinute(now: () => number): number {
  const [time, setTime] = useState(now);
  useEffect(() => {
    const timer = setInterval(() => setTime(now()), 60_000);
    return () => clearInterval(timer);
  }, [now]);
  return time;
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
