import {useStudychat, useViewer} from '@studychat/client/react';
import type {ChatMessage} from '@studychat/client';
import {useEffect, useRef, useState} from 'react';
import {Composer, type Target} from '../composer/Composer.tsx';
import {useStore} from '../hooks.ts';
import {go} from '../router.ts';
import {strings} from '../strings.ts';
import {Empty} from '../ui/Empty.tsx';
import {Announcer} from './Announcer.tsx';
import {Header} from './Header.tsx';
import {MessageList, type ListHandle} from './MessageList.tsx';
import {Typing} from './Typing.tsx';

/** An open chat. */
export function Chat({id, jumpTo}: {id: string; jumpTo: string | undefined}) {
  const store = useStudychat().chat(id);
  const snapshot = useStore(store);
  const viewer = useViewer();
  const list = useRef<ListHandle>(null);
  const [target, setTarget] = useState<Target | null>(null);
  const title = snapshot.chat?.title;
  useEffect(() => {
    if (title) document.title = `${title} · ${strings.product}`;
  }, [title]);
  if (snapshot.gone) {
    return <Empty title={strings.gone} text={strings.goneText}><button type="button" className="button" onClick={() => go({})}>{strings.backToChats}</button></Empty>;
  }
  const sent = () => list.current?.toEnd();
  const editLast = () => {
    const own = snapshot.messages.findLast(message => message.author.id === viewer?.id && !message.deletedAt && message.seq !== null);
    if (own) setTarget({kind: 'edit', message: own});
  };
  const answer = (message: ChatMessage) => setTarget({kind: 'reply', message});
  const edit = (message: ChatMessage) => setTarget({kind: 'edit', message});
  return (
    <section className="chat" aria-label={title ?? strings.loading}>
      <Header snapshot={snapshot} store={store} viewerId={viewer?.id} />
      <MessageList ref={list} snapshot={snapshot} store={store} viewerId={viewer?.id} jumpTo={jumpTo} answer={answer} edit={edit} />
      <Announcer messages={snapshot.messages} viewerId={viewer?.id} ready={!snapshot.isLoading && snapshot.chat !== null} />
      <Typing members={snapshot.members} viewerId={viewer?.id} />
      <Composer key={id} store={store} target={target} clearTarget={() => setTarget(null)} editLast={editLast} sent={sent} />
    </section>
  );
}
