import type {KeyboardEvent} from 'react';
import {inCode, indent, indentOf, type Change} from './text.ts';

interface Given {
  send: () => void;
  change: (text: string) => void;
  editLast: () => void;
  cancel: (() => void) | undefined;
}

type Key = KeyboardEvent<HTMLTextAreaElement>;

/**
 * What keys do in the field. Enter sends, unless it ends the composition of a word: then `isComposing` is set, or, in Safari, which ends
 * the composition first, the key code is 229. Inside a block of code Enter starts a line and Tab indents; after Escape, Tab leaves the field.
 */
export function keyHandler({send, change, editLast, cancel}: Given): (event: Key) => void {
  return event => {
    const field = event.currentTarget;
    if (event.nativeEvent.isComposing || event.nativeEvent.keyCode === 229) return;
    const leaving = field.dataset.leaving === 'yes';
    field.dataset.leaving = event.key === 'Escape' || (leaving && event.key === 'Shift') ? 'yes' : '';
    const code = inCode(field.value, field.selectionStart);
    switch (event.key) {
      case 'Enter':
        if (event.ctrlKey || event.metaKey) break;
        if (event.shiftKey || event.altKey) return;
        if (code) return apply(event, {from: field.selectionStart, to: field.selectionEnd, insert: `\n${indentOf(field.value, field.selectionStart)}`}, change);
        if (onlyTouch()) return;
        break;
      case 'Tab':
        if (code && !leaving) apply(event, indent(field.value, field.selectionStart, field.selectionEnd, event.shiftKey), change);
        return;
      case 'Escape':
        cancel?.();
        return;
      case 'ArrowUp':
        if (field.value !== '' || cancel) return;
        event.preventDefault();
        return editLast();
      default:
        return;
    }
    event.preventDefault();
    if (!event.repeat) send();
  };
}

// execCommand is how a page changes a field and leaves the browser's undo working.
function apply(event: Key, {from, to, insert}: Change, change: (text: string) => void): void {
  event.preventDefault();
  const field = event.currentTarget;
  field.setSelectionRange(from, to);
  if (document.execCommand(insert ? 'insertText' : 'delete', false, insert)) return;
  field.setRangeText(insert, from, to, 'end');
  change(field.value);
}

// The keyboards of phones have no Shift+Enter; there the button sends.
function onlyTouch(): boolean {
  return matchMedia('(pointer: coarse) and (hover: none)').matches;
}
