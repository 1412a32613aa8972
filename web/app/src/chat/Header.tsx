import type {ChatSnapshot, ChatStore} from '@studychat/client';
import {useStudychat} from '@studychat/client/react';
import {useState} from 'react';
import {useMinute} from '../hooks.ts';
import {go, link, pathOf} from '../router.ts';
import {orTell} from '../sidebar/actions.ts';
import {Rename} from '../sidebar/Rename.tsx';
import {isMuted} from '../sidebar/rows.ts';
import {strings} from '../strings.ts';
import {Avatar} from '../ui/Avatar.tsx';
import {Icon} from '../ui/Icon.tsx';
import {Menu, type Action} from '../ui/Menu.tsx';
import {tell} from '../ui/toasts.tsx';
import {Members} from './Members.tsx';

interface Props {
  snapshot: ChatSnapshot;
  store: ChatStore;
  viewerId: string | undefined;
}

/** The title of an open chat, its people, and what one can do with it. */
export function Header({snapshot, store, viewerId}: Props) {
  const {chat, members} = snapshot;
  const [renaming, setRenaming] = useState(false);
  const [showing, setShowing] = useState(false);
  const now = useMinute(useStudychat().now);
  const online = members.filter(member => member.online);
  const others = online.filter(member => member.user.id !== viewerId);
  const actions = (): Action[] => chat ? [
    {label: strings.copyChatLink, icon: 'link', run: () => copyLink(pathOf({chatId: chat.id}))},
    chat.viewerState.pinnedAt
      ? {label: strings.unpin, icon: 'pin', run: () => orTell(store.updateViewerState({pinned: false}))}
      : {label: strings.pin, icon: 'pin', run: () => orTell(store.updateViewerState({pinned: true}))},
    ...(chat.viewerState.role === 'OWNER' ? [{label: strings.rename, icon: 'edit' as const, run: () => setRenaming(true)}] : []),
  ] : [];
  return (
    <header className="chat-header">
      <a className="icon-button only-narrow" {...link({})} aria-label={strings.backToChats} title={strings.backToChats}><Icon name="back" /></a>
      <div className="titles">
        <h1 dir="auto" title={chat?.title}>{chat?.title ?? ''}</h1>
        <p>
          {chat?.module ? <span className="module" dir="auto">{chat.module.title}</span> : null}
          {members.length > 0 ? <span>{strings.membersCount(members.length)}</span> : null}
          {others.length > 0 ? <span className="online">{strings.online(online.length)}</span> : null}
          {chat && isMuted(chat, now) ? <span>{strings.muted}</span> : null}
        </p>
      </div>
      <button type="button" className="people" title={strings.members} onClick={() => setShowing(true)}>
        <span className="hidden">{strings.members}</span>
        {(others.length > 0 ? others : members.filter(member => member.user.id !== viewerId)).slice(0, 3).map(({user, online: here}) => <Avatar key={user.id} id={user.id} name={user.name} size="small" online={here} />)}
        <Icon name="people" />
      </button>
      <Menu label={strings.chatActions(chat?.title ?? '')} actions={actions}><Icon name="menu" /></Menu>
      {renaming && chat ? <Rename title={chat.title} rename={store.rename} close={() => setRenaming(false)} /> : null}
      {showing ? <Members snapshot={snapshot} store={store} viewerId={viewerId} close={() => setShowing(false)} left={() => go({})} /> : null}
    </header>
  );
}

/** Copies the address of a view. */
export function copyLink(path: string): void {
  navigator.clipboard?.writeText(location.origin + path).then(() => tell(strings.linkCopied), (error: Error) => tell(strings.failedAction(error.message)));
}
