import {forget, keep, recall} from '../storage.ts';

const prefix = 'studychat.draft.';
const key = (chatId: string) => prefix + chatId;
let keeping = true;

/** What was begun in a chat and not sent. */
export const draftOf = (chatId: string): string => recall(key(chatId)) ?? '';

/** Keeps what is begun in a chat. */
export function keepDraft(chatId: string, text: string): void {
  if (keeping) keep(key(chatId), text.trim() ? text : null);
}

/** Removes all drafts, and keeps no others until the page is loaded again: the user signs out. */
export function forgetDrafts(): void {
  keeping = false;
  forget(prefix);
}
