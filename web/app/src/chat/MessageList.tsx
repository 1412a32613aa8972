import type {ChatMessage, ChatSnapshot, ChatStore} from '@studychat/client';
import {useStudychat} from '@studychat/client/react';
import {useCallback, useDeferredValue, useEffect, useImperativeHandle, useMemo, useRef, useState, type KeyboardEvent, type Ref} from 'react';
import {Virtualizer, type VirtualizerHandle} from 'virtua';
import {useMinute} from '../hooks.ts';
import {strings} from '../strings.ts';
import {dayTitle} from '../time.ts';
import {Icon} from '../ui/Icon.tsx';
import {useMessageActions} from './actions.ts';
import {Message} from './Message.tsx';
import {useNewLine} from './newLine.ts';
import {rowsOf, type Row} from './rows.ts';
import {useJump} from './useJump.ts';
import {useStick} from './useStick.ts';

/** What others may ask of the list. */
export interface ListHandle {
  toEnd: () => void;
}

interface Props {
  ref: Ref<ListHandle>;
  snapshot: ChatSnapshot;
  store: ChatStore;
  viewerId: string | undefined;
  jumpTo: string | undefined;
  answer: (message: ChatMessage) => void;
  edit: (message: ChatMessage) => void;
}

const none: readonly Row[] = [];

/** The messages of an open chat. */
export function MessageList({ref, snapshot, store, viewerId, jumpTo, answer, edit}: Props) {
  const {messages, members, hasOlder, hasNewer, isLoading, isLoadingOlder} = snapshot;
  const now = useMinute(useStudychat().now);
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const {newAfter, clear, attentive} = useNewLine(snapshot, store, viewerId);
  const unknown = isLoading && messages.length === 0; // whether there is more: a beginning that is drawn now would jump
  const latest = useMemo(() => newAfter === undefined ? none : rowsOf({messages, members, viewerId, hasOlder: hasOlder || unknown, newAfter}), [messages, members, viewerId, hasOlder, unknown, newAfter]);
  // The first drawing is long. It is deferred, so that the browser can do other work in between; later ones are short, and are not.
  const first = useDeferredValue(latest, none);
  const [drawn, setDrawn] = useState(false);
  const rows = drawn ? latest : first;
  const awaited = newAfter === undefined || rows !== latest;
  useEffect(() => {
    if (first.length > 0) setDrawn(true);
  }, [first]);
  const jumping = useRef(jumpTo !== undefined);
  const stick = useStick({scroller, list, rows, store, snapshot, attentive, jumpTo, jumping, ready: newAfter !== undefined});
  const lit = useJump({jumpTo, rows, scroller, list, jumping, store, isLoading: isLoading || awaited, hasChat: snapshot.chat !== null, release: stick.release});
  const actions = useMessageActions(store, snapshot.chat?.viewerState.role === 'OWNER', viewerId, answer, edit);
  const toEnd = useCallback(() => {
    clear();
    stick.toEnd();
  }, [clear, stick]);
  useImperativeHandle(ref, () => ({toEnd}), [toEnd]);

  const below = stick.stuck ? 0 : messages.filter(message => typeof newAfter === 'number' && (message.seq ?? 0) > newAfter && message.author.id !== viewerId).length;
  return (
    <div className="messages-frame">
      <div ref={scroller} className={stick.settled ? 'messages' : 'messages placing'} role="log" aria-live="off" aria-busy={isLoading} aria-label={strings.messages} tabIndex={0} onScroll={stick.onScroll} onKeyDown={moveByKeys} {...stick.inputs}>
        <div className="spacer" />
        {isLoadingOlder ? <p className="loading-older" role="status">{strings.loadingOlder}</p> : null}
        {rows.length === 0 && (isLoading || messages.length > 0) ? <div className="skeleton wide" role="status" aria-label={strings.loading}>{[0, 1, 2, 3].map(i => <i key={i} />)}</div> : null}
        {!isLoading && messages.length === 0 && snapshot.chat ? <div className="first-words"><strong>{strings.emptyChat}</strong><span>{strings.emptyChatText}</span></div> : null}
        <Virtualizer ref={list} scrollRef={scroller} shift={stick.shift} itemSize={64} bufferSize={600} onResize={stick.onResize}>
          {rows.map(row => <Line key={row.key} row={row} now={now} lit={lit === row.key} viewerId={viewerId} actions={actions} store={store} />)}
        </Virtualizer>
      </div>
      {!stick.stuck || hasNewer
        ? <button type="button" className={below > 0 ? 'to-end new' : 'to-end'} onClick={toEnd} aria-label={below > 0 ? undefined : strings.toLatest}>{below > 0 ? strings.newBelow(below) : null}<Icon name="arrowDown" /></button>
        : null}
    </div>
  );
}

interface LineProps {
  row: Row;
  now: number;
  lit: boolean;
  viewerId: string | undefined;
  actions: ReturnType<typeof useMessageActions>;
  store: ChatStore;
}

function Line({row, now, lit, viewerId, actions, store}: LineProps) {
  switch (row.kind) {
    case 'beginning': return <p className="beginning">{strings.beginning}</p>;
    case 'day': return <h2 className="day"><span>{dayTitle(row.at, now)}</span></h2>;
    case 'new': return <p className="new-line" role="separator"><span>{strings.newMessages}</span></p>;
    case 'message': return <Message message={row.message} first={row.first} own={row.message.author.id === viewerId} lit={lit} readers={row.readers} actions={actions} retry={store.retry} discard={store.discard} />;
  }
}

// Arrow keys move from message to message; Enter opens the actions of one.
function moveByKeys(event: KeyboardEvent<HTMLDivElement>): void {
  const from = event.target as HTMLElement;
  const inMessage = from.classList.contains('message');
  if (from !== event.currentTarget && !inMessage) return;
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>('.message')];
  if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
    const at = inMessage ? all.indexOf(from) : all.length;
    const to = all[at + (event.key === 'ArrowUp' ? -1 : 1)];
    if (!to && !inMessage) return;
    event.preventDefault();
    to?.focus({preventScroll: true});
    to?.scrollIntoView({block: 'nearest'});
  } else if (event.key === 'Enter' && inMessage) {
    event.preventDefault();
    from.querySelector<HTMLElement>('.actions')?.click();
  }
}
