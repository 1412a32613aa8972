import {useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode} from 'react';
import {Icon, type IconName} from './Icon.tsx';

/** An entry of a menu. */
export interface Action {
  label: string;
  icon: IconName;
  run: () => void;
  danger?: boolean;
}

/** A button that opens a list of actions; arrow keys, Home, End, Escape and Tab work as in a desktop's menus. */
export function Menu({label, actions, children, className = 'icon-button'}: {label: string; actions: () => Action[]; children: ReactNode; className?: string}) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  const close = (refocus: boolean) => {
    setOpen(false);
    if (refocus) button.current?.focus();
  };
  return (
    <span className="menu-anchor">
      <button ref={button} type="button" className={className} aria-label={label} title={label} aria-haspopup="menu" aria-expanded={open} aria-controls={open ? id : undefined} onClick={event => { event.stopPropagation(); setOpen(!open); }}>
        {children}
      </button>
      {open ? <List id={id} label={label} actions={actions()} anchor={button.current} close={close} /> : null}
    </span>
  );
}

function List({id, label, actions, anchor, close}: {id: string; label: string; actions: Action[]; anchor: HTMLElement | null; close: (refocus: boolean) => void}) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => place(list.current, anchor), [anchor]);
  // Once: a row that is drawn again, since somebody wrote, must not move the focus to another action.
  useEffect(() => list.current?.querySelector<HTMLElement>('[role=menuitem]')?.focus(), []);
  useEffect(() => {
    const outside = (event: Event) => {
      if (!list.current?.contains(event.target as Node) && !anchor?.contains(event.target as Node)) close(false);
    };
    document.addEventListener('pointerdown', outside);
    window.addEventListener('resize', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      window.removeEventListener('resize', outside);
    };
  });
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    const items = [...list.current!.querySelectorAll<HTMLElement>('[role=menuitem]')];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1}[event.key];
    if (to !== undefined) items.at(to % items.length)?.focus();
    else if (event.key === 'Escape') close(true);
    else if (event.key === 'Tab') return close(false);
    else return;
    event.preventDefault();
  };
  return (
    <div ref={list} id={id} popover="manual" className="menu" role="menu" aria-label={label} onKeyDown={onKeyDown} onClick={event => event.stopPropagation()}>
      {actions.map(action => (
        <button key={action.label} type="button" role="menuitem" tabIndex={-1} className={action.danger ? 'danger' : ''} onClick={() => { close(true); action.run(); }}>
          <Icon name={action.icon} />{action.label}
        </button>
      ))}
    </div>
  );
}

// The top layer is above everything, also where the list scrolls; so the place is computed.
function place(list: HTMLElement | null, anchor: HTMLElement | null): void {
  if (!list || !anchor) return;
  list.showPopover?.();
  const from = anchor.getBoundingClientRect();
  const size = list.getBoundingClientRect();
  const below = from.bottom + 4 + size.height <= innerHeight;
  list.style.top = `${Math.max(8, below ? from.bottom + 4 : from.top - 4 - size.height)}px`;
  list.style.left = `${Math.max(8, Math.min(from.right - size.width, innerWidth - size.width - 8))}px`;
}
