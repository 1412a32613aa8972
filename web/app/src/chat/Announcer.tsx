import type {ChatMessage} from '@studychat/client';
import {useEffect, useRef, useState} from 'react';
import {preview} from '../sidebar/preview.ts';
import {strings} from '../strings.ts';

/** Tells screen readers of new messages of others: the newest, at most one a second, so that a burst is not read in full. */
export function Announcer({messages, viewerId}: {messages: readonly ChatMessage[]; viewerId: string | undefined}) {
  const [text, setText] = useState('');
  const told = useRef<number | null>(null);
  const newest = messages.findLast(message => message.seq !== null);
  useEffect(() => {
    if (!newest) return;
    const before = told.current;
    told.current = Math.max(newest.seq!, before ?? 0);
    if (before === null || newest.seq! <= before || newest.author.id === viewerId || newest.deletedAt) return;
    const timer = setTimeout(() => setText(strings.said(newest.author.name, preview(newest.content, 300))), 300);
    return () => clearTimeout(timer);
  }, [newest, viewerId]);
  return <div className="hidden" role="log" aria-live="polite" aria-label={strings.newMessages}>{text}</div>;
}
