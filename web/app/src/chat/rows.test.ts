import type {ChatMember, ChatMessage} from '@studychat/client';
import {expect, test} from 'vitest';
import {rowsOf, type Row} from './rows.ts';

const user = (id: string) => ({id, name: id, avatarUrl: null});
const message = (seq: number | null, author: string, at: string, more: Partial<ChatMessage> = {}): ChatMessage => ({
  id: `m${seq ?? at}`, chatId: 'c', seq, author: user(author), role: 'USER', content: 'x', replyTo: null, createdAt: at, editedAt: null, deletedAt: null, state: seq ? 'sent' : 'queued', error: null, change: null, ...more,
});
const member = (id: string, readSeq: number): ChatMember => ({user: user(id), role: 'MEMBER', joinedAt: '', readSeq, online: false, typing: false});
const given = {members: [] as ChatMember[], viewerId: 'ann', hasOlder: true, newAfter: null as number | null};
const show = (rows: Row[]) => rows.map(row => row.kind === 'message' ? `${row.message.id}${row.first ? '*' : ''}${row.readers.map(reader => ` <${reader.user.id}`).join('')}` : row.kind);

test('messages are grouped by day and author, and by pauses', () => {
  const messages = [message(1, 'ann', '2026-03-01T10:00:00Z'), message(2, 'ann', '2026-03-01T10:01:00Z'), message(3, 'ben', '2026-03-01T10:02:00Z'), message(4, 'ben', '2026-03-01T10:30:00Z'), message(5, 'ben', '2026-03-03T10:31:00Z')];
  expect(show(rowsOf({...given, messages}))).toEqual(['day', 'm1*', 'm2', 'm3*', 'm4*', 'day', 'm5*']);
  expect(show(rowsOf({...given, messages: [], hasOlder: false}))).toEqual(['beginning']);
});

test('the line is above the first new message of somebody else', () => {
  const messages = [message(1, 'ben', '2026-03-01T10:00:00Z'), message(2, 'ann', '2026-03-01T10:01:00Z'), message(3, 'ben', '2026-03-01T10:02:00Z'), message(4, 'ben', '2026-03-01T10:02:10Z'), message(null, 'ann', '2026-03-01T10:03:00Z')];
  expect(show(rowsOf({...given, messages, newAfter: 1}))).toEqual(['day', 'm1*', 'm2*', 'new', 'm3*', 'm4', 'm2026-03-01T10:03:00Z*']);
  expect(show(rowsOf({...given, messages, newAfter: 4}))).not.toContain('new');
});

test('readers are at the last message that they have read', () => {
  const messages = [message(2, 'ann', '2026-03-01T10:00:00Z'), message(5, 'ann', '2026-03-01T10:01:00Z'), message(6, 'ben', '2026-03-01T10:02:00Z')];
  const members = [member('ann', 6), member('ben', 6), member('carla', 4), member('dora', 0), member('emil', 5)];
  expect(show(rowsOf({...given, messages, members}))).toEqual(['day', 'm2* <carla', 'm5 <emil', 'm6*']);
});
