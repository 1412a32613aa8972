import type {ChatRow} from '@studychat/client';
import {strings} from '../strings.ts';

/** A line of the list: a heading or a chat. */
export type Row = {key: string; heading: string} | {key: string; chat: ChatRow};

/** What the list is asked to show. */
export interface View {
  search: string;
  archived: boolean;
  hidden: ReadonlySet<string>; // chats that are about to be deleted
}

/** Whether a chat is muted at this time. */
export function isMuted(chat: Pick<ChatRow, 'viewerState'>, now: number): boolean {
  const until = chat.viewerState.mutedUntil;
  return until !== null && Date.parse(until) > now;
}

/** The lines of the list: pinned chats first, then those of each module under its title. Within each, and among the modules, the latest comes first. */
export function rowsOf(chats: readonly ChatRow[], view: View): Row[] {
  const wanted = view.search.trim().toLocaleLowerCase();
  const shown = chats.filter(chat =>
    !view.hidden.has(chat.id)
    && (wanted !== '' || (chat.viewerState.archivedAt !== null) === view.archived)
    && chat.title.toLocaleLowerCase().includes(wanted));
  const groups = new Map<string, {heading: string; chats: ChatRow[]}>();
  const add = (key: string, heading: string, chat: ChatRow) => {
    const group = groups.get(key) ?? {heading, chats: []};
    group.chats.push(chat);
    groups.set(key, group);
  };
  if (!view.archived) {
    for (const chat of shown.filter(isPinned)) add('pinned', strings.pinned, chat);
  }
  for (const chat of shown.filter(chat => view.archived || !isPinned(chat))) {
    if (chat.module) add(`module ${chat.module.id}`, chat.module.title, chat);
    else add('none', '', chat);
  }
  const alone = groups.size === 1 && groups.has('none');
  return [...groups].flatMap(([key, group]) => [
    ...(alone ? [] : [{key, heading: group.heading || strings.otherChats}]),
    ...group.chats.map(chat => ({key: chat.id, chat})),
  ]);
}

function isPinned(chat: ChatRow): boolean {
  return chat.viewerState.pinnedAt !== null;
}
