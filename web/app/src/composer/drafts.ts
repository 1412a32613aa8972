import {keep, recall} from '../storage.ts';

const key = (chatId: string) => `studychat.draft.${chatId}`;

/** What was begun in a chat and not sent. */
export const draftOf = (chatId: string): string => recall(key(chatId)) ?? '';

/** Keeps what is begun in a chat. */
export function keepDraft(chatId: string, text: string): void {
  keep(key(chatId), text.trim() ? text : null);
}
