import {useChats} from '@studychat/client/react';
import {go, useRoute} from '../router.ts';
import {strings} from '../strings.ts';
import {Confirm} from '../ui/Confirm.tsx';
import {Dialog} from '../ui/Dialog.tsx';
import {tell} from '../ui/toasts.tsx';

const named = 4; // titles in the question; the others are counted

/** Deletes all chats that the viewer owns, after it has said which those are. */
export function ClearChats({close}: {close: () => void}) {
  const {chats, hasMore, clearChats} = useChats();
  const {chatId} = useRoute();
  const own = chats.filter(chat => chat.viewerState.role === 'OWNER');
  if (own.length === 0 && !hasMore) {
    return <Dialog title={strings.clearChats} close={close}><p>{strings.clearNothing}</p></Dialog>;
  }
  const run = async () => {
    const gone = await clearChats();
    if (chatId && gone.includes(chatId)) go({});
    tell(strings.chatsCleared(gone.length));
  };
  return (
    <Confirm title={strings.clearQuestion} label={strings.clearYes} danger run={run} close={close}>
      <p>{strings.clearWarning(own.length, hasMore)}</p>
      <ul className="titles">
        {own.slice(0, named).map(chat => <li key={chat.id} dir="auto">{chat.title}</li>)}
        {own.length > named || hasMore ? <li>{strings.clearOthers(Math.max(0, own.length - named), hasMore)}</li> : null}
      </ul>
      <p>{strings.clearKeeps}</p>
    </Confirm>
  );
}
