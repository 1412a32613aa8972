import type {ChatMessage} from '@studychat/client';
import {useEffect, useRef, useState} from 'react';
import {preview} from '../sidebar/preview.ts';
import {strings} from '../strings.ts';

/** Tells screen readers of new messages of others: the newest, after a moment, so that a burst is not read in full. */
export function Announcer({messages, viewerId, ready}: {messages: readonly ChatMessage[]; viewerId: string | undefined; ready: boolean}) {
  const [text, setText] = useState('');
  const told = useRef<number | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const newest = messages.findLast(message => message.seq !== null);
  useEffect(() => {
    if (!ready) return;
    const before = told.current; // null until the chat is there: what it had is not news
    told.current = Math.max(newest?.seq ?? 0, before ?? 0);
    if (!newest || before === null || newest.seq! <= before || newest.author.id === viewerId || newest.deletedAt) return;
    clearTimeout(timer.current); // a later message takes the place of one that has not been told yet
    timer.current = setTimeout(() => setText(strings.said(newest.author.name, preview(newest.content, 300))), 300);
  }, [newest, viewerId, ready]);
  return <div className="hidden" role="log" aria-live="polite" aria-label={strings.newMessages}>{text}</div>;
}
