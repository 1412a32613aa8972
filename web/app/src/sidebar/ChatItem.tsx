import type {ChatRow} from '@studychat/client';
import {memo} from 'react';
import {link} from '../router.ts';
import {strings} from '../strings.ts';
import {fullTime, shortTime} from '../time.ts';
import {Icon} from '../ui/Icon.tsx';
import {Menu, type Action} from '../ui/Menu.tsx';
import {tip} from '../ui/tip.ts';
import {preview} from './preview.ts';
import {isMuted} from './rows.ts';

interface Props {
  chat: ChatRow;
  open: boolean;
  viewerId: string | undefined;
  now: number;
  actions: (chat: ChatRow) => Action[];
}

/** A chat in the list. */
export const ChatItem = memo(function ChatItem({chat, open, viewerId, now, actions}: Props) {
  const {unreadCount, pinnedAt} = chat.viewerState;
  const muted = isMuted(chat, now);
  const unread = unreadCount > 0 && !open;
  return (
    <div className={`chat-item${open ? ' open' : ''}${unread ? ' unread' : ''}${muted ? ' muted' : ''}`}>
      <a {...link({chatId: chat.id})} aria-current={open ? 'page' : undefined}>
        <span className="line">
          <span className="name" dir="auto" title={chat.title}>{chat.title}</span>
          {pinnedAt ? <Icon name="pin" /> : null}
          {muted ? <><Icon name="mute" /><span className="hidden">{strings.muted}</span></> : null}
          <time dateTime={chat.lastMessageAt} {...tip(() => fullTime(chat.lastMessageAt))}>{shortTime(chat.lastMessageAt, now)}</time>
        </span>
        <span className="line">
          <span className="preview" dir="auto">{chat.pending ? strings.waitingChat : lastWords(chat, viewerId)}</span>
          {unread ? <span className="badge" aria-hidden="true">{strings.unreadShort(unreadCount)}</span> : null}
          {unread ? <span className="hidden">{strings.unread(unreadCount)}</span> : null}
        </span>
      </a>
      <Menu label={strings.chatActions(chat.title)} actions={() => actions(chat)}><Icon name="menu" /></Menu>
    </div>
  );
});

function lastWords({lastMessage}: ChatRow, viewerId: string | undefined): string {
  if (!lastMessage) return strings.noMessages;
  if (lastMessage.deletedAt) return strings.deletedMessage;
  const author = lastMessage.author.id === viewerId ? strings.you : lastMessage.author.name;
  return strings.said(author, preview(lastMessage.content));
}
