import {StudychatProvider} from '@studychat/client/react';
import {useDeferredValue, useEffect, useState} from 'react';
import {Chat} from './chat/Chat.tsx';
import {useStore} from './hooks.ts';
import {useRoute} from './router.ts';
import {useSession} from './session.ts';
import {Sidebar} from './sidebar/Sidebar.tsx';
import {SignIn} from './signin/SignIn.tsx';
import {strings} from './strings.ts';
import {Connection} from './ui/Connection.tsx';
import {Empty} from './ui/Empty.tsx';
import {Toasts} from './ui/toasts.tsx';

/** The page. `problem` says why a provider did not sign the user in. */
export function App({problem}: {problem: string | undefined}) {
  const {client, number} = useSession();
  const status = useStore(client.status);
  const {chatId, messageId} = useRoute();
  const [creating, setCreating] = useState(false);
  const withSidebar = useDeferredValue(true, !(chatId && matchMedia('(max-width: 760px)').matches)); // an open chat hides it on a phone: the chat is drawn first
  useEffect(() => {
    if (!chatId) document.title = strings.product;
  }, [chatId]);
  if (status === 'refused') return <SignIn problem={problem} />;
  return (
    <StudychatProvider key={number} client={client}>
      <div className={chatId ? 'page with-chat' : 'page'}>
        <a className="skip" href="#composer" onClick={event => { event.preventDefault(); document.getElementById('composer')?.focus(); }}>{strings.skipToComposer}</a>
        {withSidebar ? <Sidebar openChat={chatId} creating={creating} setCreating={setCreating} /> : null}
        <main className="main">
          <Connection />
          {chatId
            ? <Chat key={chatId} id={chatId} jumpTo={messageId} />
            : <Empty title={strings.chooseChat} text={strings.chooseChatText}><button type="button" className="button" onClick={() => setCreating(true)}>{strings.startOne}</button></Empty>}
        </main>
        <Toasts />
      </div>
    </StudychatProvider>
  );
}
