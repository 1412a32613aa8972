import type {ChatRow} from '@studychat/client';
import {expect, test} from 'vitest';
import {preview} from './preview.ts';
import {isMuted, rowsOf} from './rows.ts';

const chat = (id: string, module: string | null = null, state: Partial<ChatRow['viewerState']> = {}): ChatRow => ({
  id, title: `Title ${id}`, seq: 1, createdAt: '', lastMessageAt: '', moduleId: module, module: module ? {id: module, title: module} : null, createdBy: {id: 'a', name: 'a', avatarUrl: null}, lastMessage: null, pending: false,
  viewerState: {id: '', role: 'OWNER', readSeq: 0, unreadCount: 0, mutedUntil: null, pinnedAt: null, archivedAt: null, ...state},
});
const view = {search: '', archived: false, hidden: new Set<string>()};
const show = (chats: ChatRow[], more: Partial<typeof view> = {}) => rowsOf(chats, {...view, ...more}).map(row => 'chat' in row ? row.chat.id : `# ${row.heading}`);

test('pinned chats first, then by module, the latest first', () => {
  const chats = [chat('1'), chat('2', 'Logic'), chat('3', 'German'), chat('4', 'Logic'), chat('5', 'German', {pinnedAt: 'x'}), chat('6', 'Logic', {archivedAt: 'x'})];
  expect(show(chats)).toEqual(['# Pinned', '5', '# Chats', '1', '# Logic', '2', '4', '# German', '3']);
  expect(show(chats, {archived: true})).toEqual(['# Logic', '6']);
  expect(show(chats, {search: ' TITLE 6'})).toEqual(['# Logic', '6']);
  expect(show(chats, {hidden: new Set(['1', '5'])})).toEqual(['# Logic', '2', '4', '# German', '3']);
  expect(show([chat('1'), chat('2')])).toEqual(['1', '2']);
});

test('muted until a time', () => {
  expect(isMuted(chat('1', null, {mutedUntil: '2026-01-01T00:00:00Z'}), Date.parse('2025-12-31T00:00:00Z'))).toBe(true);
  expect(isMuted(chat('1', null, {mutedUntil: '2026-01-01T00:00:00Z'}), Date.parse('2026-01-01T00:00:01Z'))).toBe(false);
});

test('a preview is plain and short', () => {
  expect(preview('# Hello **there**\n\n```js\nconst a = 1\n```\n- [b](https://c) and `d`, $x$')).toBe('Hello there const a = 1 b and d, x');
  expect(preview('a | b\n|-|-|\nsnake_case 2 * 3')).toBe('a | b snake_case 2 * 3');
  expect(preview('If $A$ is $2 \\times 2$:\n\n$$A v = \\lambda v,\\ \\det(A - \\lambda I) = \\frac{a}{b}$$')).toBe('If A is 2 × 2: A v = λ v, det(A - λ I) = ab');
  expect(preview('It costs $5, or $6')).toBe('It costs 5, or 6');
  expect(preview('x'.repeat(1_000))).toHaveLength(140);
});
