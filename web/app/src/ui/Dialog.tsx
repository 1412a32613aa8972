import {useEffect, useId, useRef, type FormEvent, type ReactNode} from 'react';
import {strings} from '../strings.ts';
import {Icon} from './Icon.tsx';

interface Props {
  title: string;
  close: () => void;
  submit?: { label: string; run: () => void | Promise<void>; disabled?: boolean; danger?: boolean };
  children: ReactNode;
  side?: boolean;
}

/** A modal dialog. The browser keeps the focus in it and gives it back. */
export function Dialog({title, close, submit, children, side}: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current!;
    if (!element.open) element.showModal();
    element.querySelector<HTMLElement>('input, textarea')?.focus(); // rather than the button that closes it
    return () => element.close();
  }, []);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!submit?.disabled) void submit?.run();
  };
  return (
    <dialog ref={dialog} className={side ? 'dialog side' : 'dialog'} aria-labelledby={id} onCancel={event => { event.preventDefault(); close(); }} onPointerDown={event => { if (event.target === dialog.current) close(); }}>
      <form method="dialog" onSubmit={onSubmit}>
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" className="icon-button" aria-label={strings.close} title={strings.close} onClick={close}><Icon name="close" /></button>
        </header>
        <div className="body">{children}</div>
        {submit ? (
          <footer>
            <button type="button" className="button" onClick={close}>{strings.cancel}</button>
            <button type="submit" className={submit.danger ? 'button primary danger' : 'button primary'} disabled={submit.disabled}>{submit.label}</button>
          </footer>
        ) : null}
      </form>
    </dialog>
  );
}
