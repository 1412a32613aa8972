import type {ChatMessage, ChatStore} from '@studychat/client';
import {useEffect, useLayoutEffect, useRef, useState, type ClipboardEvent} from 'react';
import {preview} from '../sidebar/preview.ts';
import {strings} from '../strings.ts';
import {Icon} from '../ui/Icon.tsx';
import {draftOf, keepDraft} from './drafts.ts';
import {keyHandler} from './keys.ts';
import {lengthOf, mostCharacters, mostPasted} from './text.ts';

/** What the text is for, if it is not simply the next message. */
export interface Target {
  kind: 'reply' | 'edit';
  message: ChatMessage;
}

interface Props {
  store: ChatStore;
  target: Target | null;
  clearTarget: () => void;
  editLast: () => void;
  sent: () => void;
}

/** Where messages are written. */
export function Composer({store, target, clearTarget, editLast, sent}: Props) {
  const [text, setText] = useState(() => draftOf(store.id));
  const [problem, setProblem] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  const beforeEdit = useRef('');
  const editing = target?.kind === 'edit' ? target.message : null;
  const length = lengthOf(text);
  const tooLong = length > mostCharacters;
  const nothing = text.trim() === '';

  // Before the next key can come: a key that overtakes the text would replace it.
  useLayoutEffect(() => {
    if (!editing) return;
    setText(before => {
      beforeEdit.current = before;
      return editing.content;
    });
  }, [editing]);
  useEffect(() => {
    if (target) field.current?.focus();
  }, [target]);
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) field.current?.focus();
  }, []);
  useEffect(() => {
    if (editing) return;
    const timer = setTimeout(() => keepDraft(store.id, text), 200);
    const now = () => keepDraft(store.id, text);
    addEventListener('pagehide', now);
    return () => {
      clearTimeout(timer);
      removeEventListener('pagehide', now);
      now();
    };
  }, [store.id, text, editing]);
  useLayoutEffect(() => grow(field.current), [text]);

  const end = () => {
    setText(editing ? beforeEdit.current : '');
    setProblem('');
    if (target) clearTarget();
    field.current?.focus();
  };
  const send = () => {
    if (nothing || tooLong) return;
    if (editing) {
      if (text !== editing.content) store.edit(editing.id, text);
      return end();
    }
    store.send(text, target ? {replyTo: target.message} : {});
    keepDraft(store.id, '');
    store.setTyping(false);
    end();
    sent();
  };
  const change = (next: string) => {
    setText(next);
    setProblem('');
    if (!editing) store.setTyping(next.trim() !== '');
  };
  const onPaste = (event: ClipboardEvent) => {
    const pasted = event.clipboardData.getData('text/plain');
    if (pasted.length <= mostPasted) return;
    event.preventDefault();
    setProblem(strings.tooLongPaste(lengthOf(pasted), mostCharacters));
  };
  const onKeyDown = keyHandler({send, change, editLast, cancel: target ? end : undefined});
  const told = tooLong ? strings.tooLong(length, mostCharacters) : problem;

  return (
    <form className="composer" onSubmit={event => { event.preventDefault(); send(); }}>
      {target ? (
        <div className="target">
          <Icon name={editing ? 'edit' : 'reply'} />
          <span><strong>{editing ? strings.editing : strings.replyingTo(target.message.author.name)}</strong> <span dir="auto">{preview(target.message.content)}</span></span>
          <button type="button" className="icon-button" aria-label={strings.cancel} title={strings.cancel} onClick={end}><Icon name="close" /></button>
        </div>
      ) : null}
      <div className="field">
        <textarea
          ref={field} id="composer" rows={1} dir="auto" value={text} enterKeyHint="send" aria-label={strings.composer} placeholder={strings.placeholder}
          aria-describedby="composer-hint" aria-invalid={tooLong} onChange={event => change(event.target.value)} onPaste={onPaste} onKeyDown={onKeyDown} />
        <button type="submit" className="send" aria-label={editing ? strings.save : strings.send} title={editing ? strings.save : strings.send} disabled={nothing || tooLong}><Icon name={editing ? 'check' : 'send'} /></button>
      </div>
      <p id="composer-hint" className="hidden">{strings.hint}</p>
      <div role="alert" className="told">{told}</div>
      {!tooLong && length > mostCharacters - 1_000 ? <small className="left">{strings.left(mostCharacters - length)}</small> : null}
    </form>
  );
}

// Browsers with field-sizing need no help.
function grow(field: HTMLTextAreaElement | null): void {
  if (!field || CSS.supports('field-sizing', 'content')) return;
  field.style.height = 'auto';
  field.style.height = `${Math.min(field.scrollHeight, innerHeight * 0.4)}px`;
}
