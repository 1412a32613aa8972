import type {ChatStore} from '@studychat/client';
import {useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject} from 'react';
import type {VirtualizerHandle} from 'virtua';
import {strings} from '../strings.ts';
import {tell} from '../ui/toasts.tsx';
import type {Row} from './rows.ts';

interface Given {
  jumpTo: string | undefined;
  rows: readonly Row[];
  scroller: RefObject<HTMLDivElement | null>;
  list: RefObject<VirtualizerHandle | null>;
  jumping: RefObject<boolean>;
  store: ChatStore;
  isLoading: boolean;
  hasChat: boolean;
  release: () => void;
}

const frames = 20; // for which a jump looks whether it has arrived: rows that are measured meanwhile move the list

/**
 * Scrolls to the message that the address names, and reads the messages around it if it is not there. Returns its id while it is marked.
 * Until it is there, jumping is true, and nobody reads pages at the edges: they would move what is replaced a moment later.
 */
export function useJump({jumpTo, rows, scroller, list, jumping, store, isLoading, hasChat, release}: Given): string | null {
  const done = useRef<string | undefined>(undefined);
  const asked = useRef<string | undefined>(undefined);
  const [lit, setLit] = useState<string | null>(null);
  const latest = useRef(rows);
  useLayoutEffect(() => {
    latest.current = rows;
    jumping.current = jumpTo !== undefined && done.current !== jumpTo;
  });
  const arrive = useCallback((id: string, left: number) => {
    const index = latest.current.findIndex(row => row.key === id);
    if (left === 0 || index < 0 || done.current !== id) return;
    if (!isSeen(scroller.current, id)) list.current?.scrollToIndex(index, {align: 'center'});
    requestAnimationFrame(() => arrive(id, left - 1));
  }, [scroller, list]);
  useEffect(() => {
    if (!jumpTo) done.current = asked.current = undefined;
    if (!jumpTo || done.current === jumpTo || isLoading || !hasChat) return;
    const index = rows.findIndex(row => row.key === jumpTo);
    if (index >= 0) {
      done.current = jumpTo;
      jumping.current = false;
      release();
      arrive(jumpTo, frames);
      setLit(jumpTo);
    } else if (asked.current !== jumpTo) {
      asked.current = jumpTo;
      store.loadAround(jumpTo).catch(() => {
        done.current = jumpTo;
        jumping.current = false;
        tell(strings.noSuchMessage);
      });
    }
  }, [jumpTo, rows, jumping, store, isLoading, hasChat, release, arrive]);
  useEffect(() => {
    if (!lit) return;
    const timer = setTimeout(() => setLit(null), 2_500);
    return () => clearTimeout(timer);
  }, [lit]);
  return lit;
}

function isSeen(scroller: HTMLElement | null, id: string): boolean {
  const message = scroller?.querySelector(`[data-id="${CSS.escape(id)}"]`)?.getBoundingClientRect();
  const frame = scroller?.getBoundingClientRect();
  return message !== undefined && frame !== undefined && message.bottom > frame.top && message.top < frame.bottom;
}
