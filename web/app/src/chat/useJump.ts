import type {ChatStore} from '@studychat/client';
import {useEffect, useRef, useState, type RefObject} from 'react';
import type {VirtualizerHandle} from 'virtua';
import {strings} from '../strings.ts';
import {tell} from '../ui/toasts.tsx';
import type {Row} from './rows.ts';

interface Given {
  jumpTo: string | undefined;
  rows: readonly Row[];
  list: RefObject<VirtualizerHandle | null>;
  store: ChatStore;
  isLoading: boolean;
  hasChat: boolean;
  release: () => void;
}

/** Scrolls to the message that the address names, and reads the messages around it if it is not there. Returns its id while it is marked. */
export function useJump({jumpTo, rows, list, store, isLoading, hasChat, release}: Given): string | null {
  const done = useRef<string | undefined>(undefined);
  const asked = useRef<string | undefined>(undefined);
  const [lit, setLit] = useState<string | null>(null);
  useEffect(() => {
    if (!jumpTo) done.current = asked.current = undefined;
    if (!jumpTo || done.current === jumpTo || isLoading || !hasChat) return;
    const index = rows.findIndex(row => row.key === jumpTo);
    if (index >= 0) {
      done.current = jumpTo;
      release();
      list.current?.scrollToIndex(index, {align: 'center'});
      setLit(jumpTo);
    } else if (asked.current !== jumpTo) {
      asked.current = jumpTo;
      store.loadAround(jumpTo).catch(() => {
        done.current = jumpTo;
        tell(strings.noSuchMessage);
      });
    }
  }, [jumpTo, rows, list, store, isLoading, hasChat, release]);
  useEffect(() => {
    if (!lit) return;
    const timer = setTimeout(() => setLit(null), 2_500);
    return () => clearTimeout(timer);
  }, [lit]);
  return lit;
}
