import type {ChatSnapshot, ChatStore} from '@studychat/client';
import {useState, type KeyboardEvent} from 'react';
import {orTell} from '../sidebar/actions.ts';
import {strings} from '../strings.ts';
import {Avatar} from '../ui/Avatar.tsx';
import {Dialog} from '../ui/Dialog.tsx';
import {Icon} from '../ui/Icon.tsx';

interface Props {
  snapshot: ChatSnapshot;
  store: ChatStore;
  viewerId: string | undefined;
  close: () => void;
  left: () => void;
}

/** The people of a chat. Its owner adds and removes them; the others can leave. */
export function Members({snapshot: {chat, members}, store, viewerId, close, left}: Props) {
  const [person, setPerson] = useState('');
  const [problem, setProblem] = useState('');
  const owner = chat?.viewerState.role === 'OWNER';
  const add = () => {
    const userId = person.trim();
    if (!userId) return;
    setProblem('');
    store.addMember(userId).then(() => setPerson(''), (error: Error) => setProblem(error.message));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.nativeEvent.isComposing) return;
    event.preventDefault();
    add();
  };
  return (
    <Dialog title={strings.members} close={close} side>
      {owner ? (
        <div className="add-member">
          <label>{strings.addMember}
            <input type="text" placeholder={strings.addMemberHint} autoCapitalize="none" spellCheck={false} value={person} onChange={event => setPerson(event.target.value)} onKeyDown={onKeyDown} />
          </label>
          <button type="button" className="button" disabled={!person.trim()} onClick={add}>{strings.add}</button>
        </div>
      ) : null}
      {problem ? <p className="problem" role="alert">{problem}</p> : null}
      <ul className="members">
        {members.map(({user, role, online}) => (
          <li key={user.id}>
            <Avatar id={user.id} name={user.name} online={online} />
            <span className="who">
              <span dir="auto">{user.name}{user.id === viewerId ? ` (${strings.you})` : ''}</span>
              <small>{[role === 'OWNER' ? strings.owner : '', online ? strings.isOnline : ''].filter(Boolean).join(', ')}</small>
            </span>
            {owner && user.id !== viewerId
              ? <button type="button" className="icon-button" aria-label={strings.removeMember(user.name)} title={strings.remove} onClick={() => orTell(store.removeMember(user.id))}><Icon name="close" /></button>
              : null}
          </li>
        ))}
      </ul>
      {chat && !owner ? <button type="button" className="button danger" onClick={() => { orTell(store.leaveChat()); close(); left(); }}><Icon name="leave" />{strings.leave}</button> : null}
    </Dialog>
  );
}
