import type {ChatRow, ChatsStore} from '@studychat/client';
import {useCallback, useState} from 'react';
import {go} from '../router.ts';
import {strings} from '../strings.ts';
import type {Action} from '../ui/Menu.tsx';
import {doUnlessUndone, tell} from '../ui/toasts.tsx';
import {isMuted} from './rows.ts';

const hour = 3_600_000;
const forGood = '9999-12-31T23:59:59Z';

/** Tells why something did not work. */
export const orTell = (work: Promise<unknown>) => {
  work.catch((error: Error) => tell(strings.failedAction(error.message)));
};

/** What one can do with a chat in the list. A chat that is deleted, left or archived goes at once; until the toast goes, it can come back. */
export function useChatActions(store: ChatsStore, openChat: string | undefined, now: () => number, rename: (chat: ChatRow) => void) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const hide = useCallback((id: string, on: boolean) => setHidden(before => {
    const next = new Set(before);
    if (on) next.add(id);
    else next.delete(id);
    return next;
  }), []);
  const actions = useCallback((chat: ChatRow): Action[] => {
    const {id, title, viewerState: state} = chat;
    const change = (what: Parameters<ChatsStore['updateViewerState']>[1]) => orTell(store.updateViewerState(id, what));
    const away = (text: string, run: () => Promise<unknown>) => {
      hide(id, true);
      if (openChat === id) go({});
      doUnlessUndone(text, () => orTell(run().finally(() => hide(id, false))), () => hide(id, false));
    };
    const muted = isMuted(chat, now());
    return [
      state.pinnedAt ? {label: strings.unpin, icon: 'pin', run: () => change({pinned: false})} : {label: strings.pin, icon: 'pin', run: () => change({pinned: true})},
      ...(muted
        ? [{label: strings.unmute, icon: 'mute' as const, run: () => change({mutedUntil: null})}]
        : [{label: strings.muteForHour, icon: 'clock' as const, run: () => change({mutedUntil: new Date(now() + hour).toISOString()})},
          {label: strings.mute, icon: 'mute' as const, run: () => change({mutedUntil: forGood})}]),
      state.archivedAt
        ? {label: strings.unarchive, icon: 'archive', run: () => change({archived: false})}
        : {label: strings.archive, icon: 'archive', run: () => change({archived: true})},
      ...(state.role === 'OWNER'
        ? [{label: strings.rename, icon: 'edit' as const, run: () => rename(chat)},
          {label: strings.deleteChat, icon: 'trash' as const, danger: true, run: () => away(strings.chatDeleted(title), () => store.deleteChat(id))}]
        : [{label: strings.leave, icon: 'leave' as const, danger: true, run: () => away(strings.chatLeft(title), () => store.leaveChat(id))}]),
    ];
  }, [store, openChat, now, rename, hide]);
  return {actions, hidden};
}
