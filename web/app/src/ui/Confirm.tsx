import {useState, type ReactNode} from 'react';
import {strings} from '../strings.ts';
import {Dialog} from './Dialog.tsx';

interface Props {
  title: string;
  label: string; // of the button that does it
  danger?: boolean;
  run: () => Promise<void>;
  close: () => void;
  children: ReactNode;
}

/** Asks before something that cannot be undone, and stays open with the reason when it did not work. */
export function Confirm({title, label, danger = false, run, close, children}: Props) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const submit = async () => {
    setBusy(true);
    setProblem('');
    try {
      await run();
      close();
    } catch (error) {
      setProblem(strings.failedAction((error as Error).message));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} close={close} submit={{label: busy ? strings.working : label, run: submit, disabled: busy, danger}}>
      {children}
      {problem ? <p className="problem" role="alert">{problem}</p> : null}
    </Dialog>
  );
}
