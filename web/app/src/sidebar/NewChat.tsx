import type {ChatsStore} from '@studychat/client';
import {useStudychat} from '@studychat/client/react';
import {useState} from 'react';
import {go} from '../router.ts';
import {strings} from '../strings.ts';
import {Dialog} from '../ui/Dialog.tsx';
import {Icon} from '../ui/Icon.tsx';
import {useModules} from './modules.ts';

/** Starts a chat. */
export function NewChat({store, moduleId, close}: {store: ChatsStore; moduleId: string | null; close: () => void}) {
  const [id] = useState(() => crypto.randomUUID()); // one dialog, one chat, however often it is sent
  const [title, setTitle] = useState('');
  const [module, setModule] = useState(moduleId ?? '');
  const [people, setPeople] = useState('');
  const [firstMessage, setFirstMessage] = useState('');
  const modules = useModules(useStudychat(), null);
  const start = () => {
    const members = people.split(/[,\s]+/).filter(Boolean);
    const text = firstMessage.trim();
    store.startNewChat({id, title: title.trim(), moduleId: module || null, ...(members.length ? {members} : {}), ...(text ? {firstMessage: text} : {})});
    close();
    go({chatId: id});
  };
  return (
    <Dialog title={strings.newChat} close={close} submit={{label: strings.startChat, run: start, disabled: !title.trim()}}>
      <label>{strings.title}<input type="text" autoFocus required maxLength={200} dir="auto" placeholder={strings.titlePlaceholder} value={title} onChange={event => setTitle(event.target.value)} /></label>
      {modules.length > 0 ? (
        <label>{strings.module}
          <span className="select">
            <select value={module} onChange={event => setModule(event.target.value)}>
              <option value="">{strings.noModuleChoice}</option>
              {modules.map(known => <option key={known.id} value={known.id}>{known.title}</option>)}
            </select>
            <Icon name="chevron" />
          </span>
        </label>
      ) : null}
      <label>{strings.people}<input type="text" autoCapitalize="none" spellCheck={false} value={people} onChange={event => setPeople(event.target.value)} /><small>{strings.peopleHint}</small></label>
      <label>{strings.firstMessage}<textarea rows={3} dir="auto" maxLength={16_000} value={firstMessage} onChange={event => setFirstMessage(event.target.value)} /></label>
    </Dialog>
  );
}
