import type {ChatMessage, ChatStore} from '@studychat/client';
import {useCallback} from 'react';
import {pathOf} from '../router.ts';
import {strings} from '../strings.ts';
import type {Action} from '../ui/Menu.tsx';
import {doUnlessUndone} from '../ui/toasts.tsx';
import {copyLink} from './Header.tsx';

/** What one can do with a message. */
export function useMessageActions(store: ChatStore, isOwner: boolean, viewerId: string | undefined, answer: (message: ChatMessage) => void, edit: (message: ChatMessage) => void) {
  return useCallback((message: ChatMessage): Action[] => {
    const own = message.author.id === viewerId;
    const sent = message.seq !== null;
    return [
      ...(sent ? [{label: strings.reply, icon: 'reply' as const, run: () => answer(message)}] : []),
      {label: strings.copy, icon: 'copy', run: () => void navigator.clipboard?.writeText(message.content).catch(() => {})},
      ...(sent ? [{label: strings.copyMessageLink, icon: 'link' as const, run: () => copyLink(pathOf({chatId: message.chatId, messageId: message.id}))}] : []),
      ...(own ? [{label: strings.edit, icon: 'edit' as const, run: () => edit(message)}] : []),
      ...(own || (isOwner && sent) ? [{label: strings.deleteMessage, icon: 'trash' as const, danger: true, run: () => doUnlessUndone(strings.messageDeleted, () => store.remove(message.id), () => {})}] : []),
    ];
  }, [store, isOwner, viewerId, answer, edit]);
}
