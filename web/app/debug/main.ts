// The page /debug/connections: it asks for a snapshot each second while somebody looks. It needs no library, and no state of its own
// but the filter and the token.
import '../src/styles/tokens.css';
import '../src/styles/base.css';
import '../src/styles/controls.css';
import './debug.css';
import {keep, recall} from '../src/storage.ts';
import {applyTheme, chosenTheme} from '../src/theme.ts';
import {codeText, duration, endedTitle, openTitle, operationTexts, queueText, transportText, type Connection, type Snapshot} from './snapshot.ts';
import {make, Table, type Cell} from './table.ts';

const every = 1000; // ms between two snapshots
const afterFailure = 5000;
const tokenKey = 'studychat.token'; // the chat page's: a user who is signed in there is signed in here

applyTheme(chosenTheme());

const status = make('p', 'status');
status.setAttribute('role', 'status');
const clock = make('span', 'clock');
const pause = make('button', 'button', 'Pause');
const user = Object.assign(make('input'), {type: 'search', placeholder: 'All users', maxLength: 200});
user.setAttribute('aria-label', 'User');
const transport = make('select');
transport.setAttribute('aria-label', 'Transport');
transport.append(new Option('All transports', ''), ...['websocket', 'sse', 'sse-single'].map(name => new Option(transportText(name), name)));

const open = new Table('Open connections', ['Number', 'User', 'Transport', 'Age', 'Queue', 'Operations']);
const ended = new Table('Ended connections', ['Ended', 'User', 'Transport', 'Lived', 'Code', 'Why', 'Operations']);
const openHeading = make('h2', '', 'Open');
const endedHeading = make('h2', '', 'Ended');

const form = make('form', 'sign-in');
const token = Object.assign(make('input'), {type: 'password', autocomplete: 'off', placeholder: 'A token with the scope “admin”'});
token.setAttribute('aria-label', 'Token');
form.append(token, make('button', 'button primary', 'Sign in'));
form.hidden = true;

const tables = make('div', 'tables');
const scroll = (table: Table) => {
  const around = make('div', 'scroll');
  around.append(table.element);
  return around;
};
tables.append(openHeading, scroll(open), endedHeading, scroll(ended));

const header = make('header');
const filter = make('div', 'filter');
filter.append(user, transport, pause);
const state = make('div', 'state');
state.append(status, clock);
header.append(make('h1', '', 'Connections of this instance'), state, filter);
const main = make('main');
main.append(header, form, tables);
document.getElementById('root')!.append(main);

const say = (text: string) => {
  if (status.textContent !== text) status.textContent = text;
  state.dataset['live'] = String(text === 'Live');
};
const time = new Intl.DateTimeFormat(undefined, {timeStyle: 'medium'});

function show(s: Snapshot): void {
  clock.textContent = time.format(new Date(s.at));
  openHeading.textContent = openTitle(s);
  endedHeading.textContent = endedTitle(s);
  open.show(s.open.map(c => ({key: c.number, cells: [
    {text: String(c.number)}, {text: c.user || 'not signed in yet'}, {text: transportText(c.transport)}, {text: duration(c.ageMs)},
    {text: c.ending ? `ending: ${c.ending.reason}` : queueText(c), mark: c.queue.frames > 0 || c.ending !== null}, {operations: operationTexts(c)},
  ]})));
  ended.show(s.ended.flatMap(endedRow));
}

function endedRow(c: Connection): {key: number; cells: Cell[]}[] {
  if (!c.ending) return [];
  return [{key: c.number, cells: [
    {text: time.format(new Date(c.ending.endedAt))}, {text: c.user || 'not signed in'}, {text: transportText(c.transport)}, {text: duration(c.ageMs)},
    {text: codeText(c.ending)}, {text: c.ending.reason}, {operations: operationTexts(c)},
  ]}];
}

function askForToken(text: string): void {
  say(text);
  form.hidden = false;
  tables.hidden = true;
}

/** Asks once. It returns after how many ms to ask again, or null when there is no sense in it. */
async function ask(): Promise<number | null> {
  const parameters = new URLSearchParams({user: user.value.trim(), transport: transport.value, limit: '100'});
  const known = recall(tokenKey, 'sessionStorage');
  try {
    const answer = await fetch(`/debug/connections/snapshot?${parameters}`, {
      headers: known ? {Authorization: `Bearer ${known}`} : {}, cache: 'no-store', signal: AbortSignal.timeout(10_000),
    });
    if (answer.status === 401) { askForToken('The server needs a token here.'); return null; }
    if (answer.status === 403) { askForToken('Only a token with the scope “admin” may see the connections.'); return null; }
    if (!answer.ok) throw new Error(String(answer.status));
    form.hidden = true;
    tables.hidden = false;
    show(await answer.json() as Snapshot);
    say(paused ? 'Paused' : 'Live');
    return every;
  } catch {
    say('The server does not answer. Asking again in a moment.');
    return afterFailure;
  }
}

let paused = false;
let timer = 0;
let asked = 0; // the newest look; an older one that is late changes nothing

async function look(): Promise<void> {
  clearTimeout(timer);
  const mine = ++asked;
  const next = await ask();
  if (mine === asked && next !== null && !paused && !document.hidden) timer = window.setTimeout(() => void look(), next);
}

pause.addEventListener('click', () => {
  paused = !paused;
  pause.textContent = paused ? 'Go on' : 'Pause';
  say(paused ? 'Paused' : 'Live');
  if (paused) clearTimeout(timer);
  else void look();
});
form.addEventListener('submit', event => {
  event.preventDefault();
  keep(tokenKey, token.value.trim().replace(/^Bearer\s+/i, ''), 'sessionStorage');
  token.value = '';
  void look();
});
user.addEventListener('change', () => void look());
transport.addEventListener('change', () => void look());
document.addEventListener('visibilitychange', () => { if (!document.hidden && !paused) void look(); });
void look();
