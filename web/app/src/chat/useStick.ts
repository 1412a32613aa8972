import type {ChatSnapshot, ChatStore} from '@studychat/client';
import {useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type RefObject} from 'react';
import type {VirtualizerHandle} from 'virtua';
import type {Row} from './rows.ts';

interface Given {
  scroller: RefObject<HTMLDivElement | null>;
  list: RefObject<VirtualizerHandle | null>;
  rows: readonly Row[];
  store: ChatStore;
  snapshot: ChatSnapshot;
  attentive: (atEnd: boolean) => void;
  jumpTo: string | undefined;
  jumping: RefObject<boolean>;
  ready: boolean; // where the line "New messages" is, is known
}

const close = 24; // pixels from the end that count as the end
const far = 900; // pixels from an edge at which the next page is read
const moment = 700; // milliseconds after a touch of the wheel, a key or a finger in which a scroll is the user's

/**
 * Keeps the list at its end while the user is there, whatever grows; leaves it alone when the user has scrolled up; and reads
 * pages when the user comes near an edge.
 */
export function useStick({scroller, list, rows, store, snapshot, attentive, jumpTo, jumping, ready}: Given) {
  const [stuck, setStuck] = useState(!jumpTo);
  const sticking = useRef(!jumpTo);
  const lastInput = useRef(-Infinity); // 0 is when the page began: its first scrolls would count as the user's
  const placed = useRef(false);
  const [settled, setSettled] = useState(false); // until then the list is hidden: its first heights are estimates, and it would be seen to jump
  const {hasOlder, hasNewer, isLoadingOlder, isLoadingNewer, isLoading} = snapshot;

  const set = useCallback((on: boolean) => {
    sticking.current = on;
    setStuck(on);
    attentive(on);
  }, [attentive]);
  const pull = useCallback(() => {
    const element = scroller.current;
    if (element && sticking.current) element.scrollTop = element.scrollHeight;
  }, [scroller]);

  // A list that grew at its beginning keeps what the user sees when it is told so in the same render.
  const before = useRef<readonly Row[]>([]);
  const shift = useMemo(() => {
    const known = before.current;
    return known.length > 0 && rows.length > 0 && known.at(-1)!.key === rows.at(-1)!.key && rows.length !== known.length && !sticking.current;
  }, [rows]);
  useLayoutEffect(() => { before.current = rows; }, [rows]);

  // The first look: at what is new, else at the end.
  useLayoutEffect(() => {
    if (placed.current || isLoading || !ready || rows.length === 0) return;
    placed.current = true;
    requestAnimationFrame(() => requestAnimationFrame(() => setSettled(true)));
    const line = rows.findIndex(row => row.kind === 'new');
    if (jumpTo || line < 0) return attentive(sticking.current);
    set(false);
    list.current?.scrollToIndex(line, {align: 'start', offset: -80});
  });
  useLayoutEffect(pull, [rows, pull]);
  useEffect(() => {
    const element = scroller.current!;
    const observer = new ResizeObserver(pull);
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    return () => observer.disconnect();
  }, [scroller, pull]);

  const onScroll = useCallback(() => {
    const element = scroller.current!;
    const toEnd = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (toEnd <= close) {
      if (!sticking.current && !hasNewer && settled) set(true); // by estimated heights the line "New messages" may seem to be at the end
    } else if (sticking.current && performance.now() - lastInput.current < moment) {
      set(false);
    }
    if (jumping.current) return;
    if (element.scrollTop < far && hasOlder && !isLoadingOlder && placed.current) void store.loadOlder();
    if (toEnd < far && hasNewer && !isLoadingNewer) void store.loadNewer();
  }, [scroller, set, settled, store, jumping, hasOlder, hasNewer, isLoadingOlder, isLoadingNewer]);

  // A page that is too short for a scroll bar, or a jump to the very beginning, asks for the next one by itself.
  useEffect(() => {
    const timer = setTimeout(onScroll, 50);
    return () => clearTimeout(timer);
  }, [onScroll, rows]);

  const toEnd = useCallback(() => {
    set(true);
    if (hasNewer) void store.loadLatest();
    pull();
  }, [set, pull, hasNewer, store]);
  const release = useCallback(() => set(false), [set]);
  const inputs = useMemo(() => {
    const note = () => { lastInput.current = performance.now(); };
    return {onWheel: note, onTouchMove: note, onPointerDown: note, onKeyDownCapture: note};
  }, []);
  return {stuck, settled, shift, onScroll, onResize: pull, toEnd, release, inputs};
}
