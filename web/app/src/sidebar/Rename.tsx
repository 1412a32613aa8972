import {useState} from 'react';
import {strings} from '../strings.ts';
import {Dialog} from '../ui/Dialog.tsx';
import {orTell} from './actions.ts';

/** Gives a chat another title. */
export function Rename({title, rename, close}: {title: string; rename: (title: string) => Promise<unknown>; close: () => void}) {
  const [text, setText] = useState(title);
  const run = () => {
    if (text.trim() !== title) orTell(rename(text.trim()));
    close();
  };
  return (
    <Dialog title={strings.renameChat} close={close} submit={{label: strings.save, run, disabled: !text.trim()}}>
      <label>{strings.title}<input type="text" autoFocus required maxLength={200} dir="auto" value={text} onFocus={event => event.target.select()} onChange={event => setText(event.target.value)} /></label>
    </Dialog>
  );
}
