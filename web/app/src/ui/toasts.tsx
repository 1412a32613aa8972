import {useSyncExternalStore} from 'react';
import {strings} from '../strings.ts';
import {Icon} from './Icon.tsx';

interface Toast {
  id: number;
  text: string;
  undo?: (() => void) | undefined;
  end: () => void; // when it goes without having been undone
  timer: ReturnType<typeof setTimeout>;
}

let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function finish(id: number, how: 'undo' | 'end'): void {
  const toast = toasts.find(known => known.id === id);
  if (!toast) return;
  clearTimeout(toast.timer);
  set(toasts.filter(known => known.id !== id));
  if (how === 'undo') toast.undo?.();
  else toast.end();
}

/** Tells something at the foot of the page. */
export function tell(text: string): void {
  show(text, 5_000, () => {});
}

/** Tells what is about to be done, and does it unless it is undone within seconds. A page that is left does it at once. */
export function doUnlessUndone(text: string, run: () => void, undo: () => void): void {
  show(text, 7_000, run, undo);
}

function show(text: string, milliseconds: number, end: () => void, undo?: () => void): void {
  const id = ++last;
  set([...toasts.slice(-2), {id, text, undo, end, timer: setTimeout(() => finish(id, 'end'), milliseconds)}]);
}

addEventListener('pagehide', () => {
  for (const toast of toasts) finish(toast.id, 'end');
});

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
};

/** The messages at the foot of the page. */
export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(toast => (
        <div key={toast.id} className="toast">
          <span>{toast.text}</span>
          {toast.undo ? <button type="button" onClick={() => finish(toast.id, 'undo')}>{strings.undo}</button> : null}
          <button type="button" className="icon-button" aria-label={strings.close} onClick={() => finish(toast.id, 'end')}><Icon name="close" /></button>
        </div>
      ))}
    </div>
  );
}
