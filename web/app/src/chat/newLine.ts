import type {ChatSnapshot, ChatStore} from '@studychat/client';
import {useCallback, useEffect, useRef, useState} from 'react';
import {useAttention} from '../hooks.ts';

/**
 * Where the line "New messages" is: below what the user had read when the chat was opened, or when the user last looked away.
 * `attentive` is told whether the user sees the end of the list; then what is there counts as read.
 */
export function useNewLine(snapshot: ChatSnapshot, store: ChatStore, viewerId: string | undefined) {
  const attention = useAttention();
  const [newAfter, setNewAfter] = useState<number | null | undefined>(undefined); // undefined: not known yet
  const atEnd = useRef(false);
  const begun = useRef(false);
  const looking = useRef(false);
  const newest = snapshot.messages.findLast(message => message.seq !== null);
  const seq = newest?.seq ?? 0;
  const {readSeq, hasNewer} = snapshot;

  useEffect(() => {
    if (begun.current || snapshot.isLoading || !snapshot.chat || !viewerId) return; // the user's own messages are not news
    begun.current = true;
    setNewAfter(hasNews(snapshot, readSeq, viewerId) ? readSeq : null);
  }, [snapshot, readSeq, viewerId]);

  const judge = useCallback(() => {
    const now = attention && atEnd.current && !hasNewer && begun.current;
    if (looking.current && !now) setNewAfter(seq);
    if (!looking.current && now) setNewAfter(known => typeof known === 'number' && !hasNews(snapshot, known, viewerId) ? null : known);
    looking.current = now;
    if (now && seq > readSeq && newest?.author.id !== viewerId) store.markRead(seq);
  }, [attention, hasNewer, seq, readSeq, newest, viewerId, store, snapshot]);
  useEffect(judge, [judge]);

  const attentive = useCallback((end: boolean) => {
    atEnd.current = end;
    judge();
  }, [judge]);
  const clear = useCallback(() => setNewAfter(null), []);
  return {newAfter, clear, attentive};
}

function hasNews({messages}: ChatSnapshot, after: number, viewerId: string | undefined): boolean {
  return messages.some(message => message.seq !== null && message.seq > after && message.author.id !== viewerId);
}
