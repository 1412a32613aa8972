import type {ChatMember, ChatMessage} from '@studychat/client';
import {memo} from 'react';
import {Markdown} from '../markdown/Markdown.tsx';
import {link} from '../router.ts';
import {preview} from '../sidebar/preview.ts';
import {strings} from '../strings.ts';
import {fullTime, timeOfDay} from '../time.ts';
import {Avatar} from '../ui/Avatar.tsx';
import {Icon} from '../ui/Icon.tsx';
import {Menu, type Action} from '../ui/Menu.tsx';
import {tip} from '../ui/tip.ts';

interface Props {
  message: ChatMessage;
  first: boolean; // of its author's group
  own: boolean;
  lit: boolean; // the one that a link leads to
  readers: readonly ChatMember[];
  actions: (message: ChatMessage) => Action[];
  retry: (id: string) => void;
  discard: (id: string) => void;
}

/** A message. */
export const Message = memo(function Message({message, first, own, lit, readers, actions, retry, discard}: Props) {
  const {author, role, state, error, deletedAt, editedAt, createdAt, replyTo} = message;
  const name = author.name || strings.you; // the server has not yet said who the user is
  const classes = ['message', first ? 'first' : '', own ? 'own' : '', role.toLowerCase(), state, lit ? 'lit' : ''].filter(Boolean).join(' ');
  return (
    <article className={classes} data-id={message.id} tabIndex={-1} aria-label={`${name}, ${timeOfDay(createdAt)}`}>
      <div className="gutter">{first ? <Avatar id={author.id} name={name} /> : <time dateTime={createdAt} {...tip(() => fullTime(createdAt))}>{timeOfDay(createdAt)}</time>}</div>
      <div className="content">
        {first ? (
          <header>
            <strong dir="auto">{name}</strong>
            {role !== 'USER' ? <span className="role">{role === 'ASSISTANT' ? strings.tutor : strings.notice}</span> : null}
            <time dateTime={createdAt} {...tip(() => fullTime(createdAt))}>{timeOfDay(createdAt)}</time>
          </header>
        ) : null}
        {replyTo ? (
          <a className="quote" {...link({chatId: message.chatId, messageId: replyTo.id})}>
            <strong dir="auto">{replyTo.author.name}</strong>
            <span dir="auto">{replyTo.deletedAt ? strings.deletedMessage : preview(replyTo.content)}</span>
          </a>
        ) : null}
        {deletedAt ? <p className="deleted">{strings.deletedMessage}</p> : <Markdown text={message.content} />}
        <footer>
          {editedAt && !deletedAt ? <small {...tip(() => strings.editedAt(fullTime(editedAt)))}>{strings.edited}</small> : null}
          {state === 'queued' ? <small><Icon name="clock" />{strings.queued}</small> : null}
          {error ? (
            <span className="problem" role="alert">
              <Icon name="alert" />{message.seq === null ? strings.failed(error.message) : strings.changeFailed(error.message)}
              <button type="button" className="link" onClick={() => retry(message.id)}>{strings.retry}</button>
              <button type="button" className="link" onClick={() => discard(message.id)}>{strings.discard}</button>
            </span>
          ) : null}
        </footer>
        {readers.length > 0 ? <Readers readers={readers} /> : null}
      </div>
      {deletedAt ? null : <Menu className="icon-button actions" label={strings.messageActions(author.name)} actions={() => actions(message)}><Icon name="menu" /></Menu>}
    </article>
  );
});

function Readers({readers}: {readers: readonly ChatMember[]}) {
  const label = strings.readBy(readers.slice(0, 20).map(reader => reader.user.name));
  return (
    <span className="readers" role="img" aria-label={label} title={label}>
      {readers.slice(0, 6).map(({user}) => <Avatar key={user.id} id={user.id} name={user.name} size="tiny" />)}
    </span>
  );
}
