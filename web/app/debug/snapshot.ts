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

/** One operation: what it is, and how far it has come. */
export function operationText(o: Operation): string {
  const name = [o.name, o.id && `(${o.id})`].filter(Boolean).join(' ');
  if (!o.subscription) return `${name || 'operation'}: runs for ${duration(o.ageMs)}`;
  const label = name || 'subscription';
  if (o.chatId) return `${label}: chat ${o.chatId}, at ${o.cursor}, ` + (o.behind > 0 ? `${count(o.behind, 'event', 'events')} behind` : 'up to date');
  return `${label}: feed of ${count(o.chats, 'chat', 'chats')}, ` + (o.waiting > 0 ? `${number.format(o.waiting)} with news` : 'up to date');
}

export function operationTexts(c: Connection): string[] {
  const hidden = c.operationCount - c.operations.length;
  return [...c.operations.map(operationText), ...(hidden > 0 ? [`and ${number.format(hidden)} more`] : [])];
}

/** Whether something waits: the row is marked. */
export const lags = (c: Connection) => c.queue.frames > 0 || c.operations.some(o => o.behind > 0);

/** The code of a socket, or what stands for it: an event stream has none. */
export const codeText = (e: Ending) => e.code === 0 ? '–' : String(e.code);
