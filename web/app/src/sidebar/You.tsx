import {useConnectionStatus, useViewer} from '@studychat/client/react';
import {useState} from 'react';
import {hasToken, signOut} from '../session.ts';
import {strings} from '../strings.ts';
import {applyTheme, chosenTheme, type Theme} from '../theme.ts';
import {Avatar} from '../ui/Avatar.tsx';
import {Icon} from '../ui/Icon.tsx';
import {Menu, type Action} from '../ui/Menu.tsx';
import {ClearChats} from './ClearChats.tsx';

const next: Record<Theme, Theme> = {auto: 'light', light: 'dark', dark: 'auto'};
const icons = {auto: 'auto', light: 'sun', dark: 'moon'} as const;

/** The user, the colours, and the way out. */
export function You() {
  const viewer = useViewer();
  const status = useConnectionStatus();
  const [theme, setTheme] = useState(chosenTheme);
  const [clearing, setClearing] = useState(false);
  const change = () => {
    applyTheme(next[theme]);
    setTheme(next[theme]);
  };
  const actions = (): Action[] => [{label: strings.clearChats, icon: 'trash', danger: true, run: () => setClearing(true)}];
  const label = strings.themeNow(strings.theme[theme]);
  return (
    <footer className="you">
      {viewer ? <Avatar id={viewer.id} name={viewer.name} online={status === 'online'} /> : null}
      <span className="name" dir="auto">{viewer?.name ?? ''}</span>
      <button type="button" className="icon-button" aria-label={label} title={label} onClick={change}><Icon name={icons[theme]} /></button>
      {hasToken() ? <button type="button" className="icon-button" aria-label={strings.signOut} title={strings.signOut} onClick={() => void signOut()}><Icon name="signOut" /></button> : null}
      <Menu label={strings.more} actions={actions}><Icon name="menu" /></Menu>
      {clearing ? <ClearChats close={() => setClearing(false)} /> : null}
    </footer>
  );
}
