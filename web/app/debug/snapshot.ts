// What the server answers at /debug/connections/snapshot (transport/connections), and how it is said.
export interface Operation {
  id: string; name: string; subscription: boolean; ageMs: number;
  chatId: string; cursor: string; behind: number; chats: number; waiting: number;
}

export interface Ending { code: number; byClient: boolean; reason: string; endedAt: string }

export interface Connection {
  number: number; transport: string; user: string; openedAt: string; ageMs: number;
  queue: {frames: number; bytes: number; oldestMs: number};
  operationCount: number; operations: Operation[]; ending: Ending | null;
}

export interface Snapshot { at: string; total: number; matching: number; open: Connection[]; ended: Connection[] }

const number = new Intl.NumberFormat();
const rules = new Intl.PluralRules('en');
export const count = (n: number, one: string, other: string) => `${number.format(n)} ${rules.select(n) === 'one' ? one : other}`;

const transports: Record<string, string> = {websocket: 'WebSocket', sse: 'Event stream', 'sse-single': 'Event stream, single connection'};
export const transportText = (name: string) => transports[name] ?? name;

/** A duration with its two largest units. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const units: [number, string][] = [[86_400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const first = units.findIndex(([size]) => seconds >= size);
  if (first < 0) return '0 s';
  const [size, name] = units[first]!;
  const rest = units[first + 1];
  const more = rest ? Math.floor((seconds % size) / rest[0]) : 0;
  return `${Math.floor(seconds / size)} ${name}` + (rest && more ? ` ${more} ${rest[1]}` : '');
}

export function bytes(n: number): string {
  return n < 1024 ? `${n} B` : `${number.format(Math.round(n / 102.4) / 10)} KiB`;
}

/** What waits for the client to read it. */
export function queueText({queue}: Connection): string {
  if (queue.frames === 0 && queue.bytes === 0) return 'empty';
  return bytes(queue.bytes) + (queue.oldestMs > 0 ? `, for ${duration(queue.oldestMs)}` : '');
}

/** What is shown of one operation. */
export interface OperationText { name: string; lag: string; lags: boolean; place: string[] }

export function operationText(o: Operation): OperationText {
  const id = o.id && `operation ${o.id}`;
  if (!o.subscription) return {name: o.name || 'Query', lag: `runs for ${duration(o.ageMs)}`, lags: false, place: [id].filter(Boolean)};
  const lag = o.chatId ? o.behind > 0 && `${count(o.behind, 'event', 'events')} behind` : o.waiting > 0 && `${count(o.waiting, 'chat has', 'chats have')} events waiting`;
  return {
    name: o.name || 'Subscription',
    lag: lag || 'up to date',
    lags: Boolean(lag),
    place: [o.chatId ? `chat ${o.chatId}` : `feed of ${count(o.chats, 'chat', 'chats')}`, o.cursor && `cursor ${o.cursor}`, id].filter(Boolean),
  };
}

/** The operations of a connection; those that are not shown are counted. */
export function operationTexts(c: Connection): OperationText[] {
  const hidden = c.operationCount - c.operations.length;
  return [...c.operations.map(operationText), ...(hidden > 0 ? [{name: `and ${number.format(hidden)} more`, lag: '', lags: false, place: []}] : [])];
}

/** How many are listed, as a heading. */
export function openTitle(s: Snapshot): string {
  const rest = s.matching - s.open.length;
  return `${number.format(s.matching)} open` + (s.matching < s.total ? ` of ${number.format(s.total)}` : '') + (rest > 0 ? `; the newest ${s.open.length} are shown` : '');
}

export function endedTitle({ended}: Snapshot): string {
  if (ended.length < 2) return ended.length === 0 ? 'None has ended yet' : '1 has ended';
  return `The last ${ended.length} that ended`;
}

/** The code of a socket, or a word in its place: an event stream has no code. */
export const codeText = (e: Ending) => e.code === 0 ? '–' : String(e.code);
