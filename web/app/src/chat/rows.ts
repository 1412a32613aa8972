import type {ChatMember, ChatMessage} from '@studychat/client';
import {dayKey} from '../time.ts';

/** A line of an open chat. */
export type Row =
  | {kind: 'beginning'; key: string}
  | {kind: 'day'; key: string; at: string}
  | {kind: 'new'; key: string}
  | {kind: 'message'; key: string; message: ChatMessage; first: boolean; readers: readonly ChatMember[]};

/** What the lines depend on. */
export interface Given {
  messages: readonly ChatMessage[];
  members: readonly ChatMember[];
  viewerId: string | undefined;
  hasOlder: boolean;
  newAfter: number | null; // messages of others above this number are new
}

const pause = 5 * 60_000; // after which an author's name is shown again

/** The lines of a chat: messages under days, the line above what is new, and who has read how far. */
export function rowsOf({messages, members, viewerId, hasOlder, newAfter}: Given): Row[] {
  const rows: Row[] = hasOlder ? [] : [{kind: 'beginning', key: 'beginning'}];
  const readers = readersOf(messages, members, viewerId);
  let before: ChatMessage | undefined;
  let marked = newAfter === null;
  for (const message of messages) {
    const newDay = !before || dayKey(before.createdAt) !== dayKey(message.createdAt);
    if (newDay) rows.push({kind: 'day', key: `day ${dayKey(message.createdAt)}`, at: message.createdAt});
    const isNew = !marked && message.seq !== null && message.seq > newAfter! && message.author.id !== viewerId;
    if (isNew) {
      rows.push({kind: 'new', key: 'new'});
      marked = true;
    }
    const first = newDay || isNew || !before || !follows(before, message);
    rows.push({kind: 'message', key: message.id, message, first, readers: readers.get(message.id) ?? none});
    before = message;
  }
  return rows;
}

const none: readonly ChatMember[] = [];

function follows(before: ChatMessage, message: ChatMessage): boolean {
  return before.author.id === message.author.id && before.role === message.role && message.replyTo === null
    && Date.parse(message.createdAt) - Date.parse(before.createdAt) < pause;
}

// Each reader is shown at the last message that they have read, unless it is their own.
function readersOf(messages: readonly ChatMessage[], members: readonly ChatMember[], viewerId: string | undefined): Map<string, ChatMember[]> {
  const sent = messages.filter(message => message.seq !== null);
  const readers = new Map<string, ChatMember[]>();
  for (const member of members) {
    if (member.user.id === viewerId) continue;
    const last = sent.findLast(message => message.seq! <= member.readSeq);
    if (!last || last.author.id === member.user.id) continue;
    const known = readers.get(last.id);
    if (known) known.push(member);
    else readers.set(last.id, [member]);
  }
  return readers;
}
