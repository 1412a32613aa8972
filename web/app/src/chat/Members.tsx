import type {ChatMember, ChatSnapshot, ChatStore} from '@studychat/client';
import {useState, type KeyboardEvent, type ReactNode} from 'react';
import {orTell} from '../sidebar/actions.ts';
import {strings} from '../strings.ts';
import {Avatar} from '../ui/Avatar.tsx';
import {Confirm} from '../ui/Confirm.tsx';
import {Dialog} from '../ui/Dialog.tsx';
import {Icon} from '../ui/Icon.tsx';

interface Props {
  snapshot: ChatSnapshot;
  store: ChatStore;
  viewerId: string | undefined;
  close: () => void;
  left: () => void;
}

/** The people of a chat. Its owner adds and removes them, and can hand the chat over; the others can leave. */
export function Members({snapshot: {chat, members}, store, viewerId, close, left}: Props) {
  const [person, setPerson] = useState('');
  const [problem, setProblem] = useState('');
  const [heir, setHeir] = useState<ChatMember>();
  const [told, setTold] = useState('');
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
  const handOver = async ({user}: ChatMember) => {
    await store.transfer(user.id);
    setTold(strings.transferred(user.name));
  };
  return <>
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
        {members.map(member => (
          <Person key={member.user.id} member={member} you={member.user.id === viewerId}>
            {owner && member.user.id !== viewerId ? <>
              <button type="button" className="icon-button" aria-label={strings.transferTo(member.user.name)} title={strings.transfer} onClick={() => setHeir(member)}><Icon name="owner" /></button>
              <button type="button" className="icon-button" aria-label={strings.removeMember(member.user.name)} title={strings.remove} onClick={() => orTell(store.removeMember(member.user.id))}><Icon name="close" /></button>
            </> : null}
          </Person>
        ))}
      </ul>
      <p className="hint" role="status">{told || (owner && members.length > 1 ? strings.ownerLeaves : '')}</p>
      {chat && !owner ? <button type="button" className="button danger" onClick={() => { orTell(store.leaveChat()); close(); left(); }}><Icon name="leave" />{strings.leave}</button> : null}
    </Dialog>
    {heir ? (
      <Confirm title={strings.transferQuestion(heir.user.name)} label={strings.transfer} run={() => handOver(heir)} close={() => setHeir(undefined)}>
        <p>{strings.transferWarning(heir.user.name)}</p>
      </Confirm>
    ) : null}
  </>;
}

function Person({member: {user, role, online}, you, children}: {member: ChatMember; you: boolean; children: ReactNode}) {
  return (
    <li>
      <Avatar id={user.id} name={user.name} online={online} />
      <span className="who">
        <span dir="auto">{user.name}{you ? ` (${strings.you})` : ''}</span>
        <small>{[role === 'OWNER' ? strings.owner : '', online ? strings.isOnline : ''].filter(Boolean).join(', ')}</small>
      </span>
      {children}
    </li>
  );
}
