import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/layout.css';
import './styles/sidebar.css';
import './styles/chat.css';
import './styles/prose.css';
import {createRoot} from 'react-dom/client';
import {App} from './App.tsx';
import {signIn} from './session.ts';
import {takeAnswer} from './signin/provider.ts';
import {applyTheme, chosenTheme} from './theme.ts';

applyTheme(chosenTheme());
const {token, problem} = takeAnswer();
if (token) signIn(token);
createRoot(document.getElementById('root')!).render(<App problem={problem} />);
