import {useConnectionStatus, useOutbox, useStudychat, useViewer} from '@studychat/client/react';
import {useEffect, useState} from 'react';
import {strings} from '../strings.ts';
import {Icon} from './Icon.tsx';

const patience = 1_500; // milliseconds: a reconnect that is quicker is not worth a word
const slow = 4_000; // milliseconds: for so long a message may be on its way before the page says that it waits

/** Says when the page is not connected, and what waits. */
export function Connection() {
  const client = useStudychat();
  const status = useConnectionStatus();
  const outbox = useOutbox();
  const viewer = useViewer(); // whose outbox it is: until then nothing can be said of it
  const broken = status === 'offline' || status === 'reconnecting' || status === 'connecting';
  const late = useLater(broken, patience);
  const waiting = outbox.items.filter(item => item.state !== 'failed');
  const messages = waiting.filter(item => item.kind === 'sendMessage').length;
  const delayed = useLater(!broken && waiting.length > 0, slow); // connected, but the server cannot save at the moment
  const shown = (broken && (late || status === 'offline')) || delayed || outbox.failed > 0;
  const parts = [
    broken && (late || status === 'offline') ? strings[status as 'offline' | 'reconnecting' | 'connecting'] : '',
    messages > 0 && (broken || delayed) ? strings.waiting(messages) : waiting.length > 0 && (broken || delayed) ? strings.changesWaiting(waiting.length) : '',
    outbox.failed > 0 ? strings.notSent(outbox.failed) : '',
  ].filter(Boolean);
  return (
    <div role="status" aria-live="polite" className="connection-place">
      {shown ? (
        <div className={`connection ${broken ? status : outbox.failed > 0 ? 'failed' : 'reconnecting'}`}>
          <Icon name={broken || outbox.failed === 0 ? 'clock' : 'alert'} />
          <span>{parts.join(', ')}</span>
          {viewer && !outbox.persistent && waiting.length > 0 ? <span className="detail">{strings.notPersistent}</span> : null}
          {broken ? <button type="button" onClick={() => client.reconnect()}>{strings.connectNow}</button> : null}
          {!broken && outbox.failed > 0 ? <button type="button" onClick={() => outbox.retry()}>{strings.retry}</button> : null}
          {!broken && outbox.failed === 0 ? <button type="button" onClick={() => client.reconnect()}>{strings.sendNow}</button> : null}
        </div>
      ) : null}
    </div>
  );
}

function useLater(on: boolean, milliseconds: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (!on) return;
    const timer = setTimeout(() => setLate(true), milliseconds);
    return () => clearTimeout(timer);
  }, [on, milliseconds]);
  return late;
}
