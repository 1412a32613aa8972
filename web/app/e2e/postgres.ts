import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

/** A PostgreSQL of one test, which may break it. */
export interface Postgres {
  url: string;
  /** Ends every process of it at once, as a crash does. Commits survive. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one, by test/services. */
export async function startPostgres(): Promise<Postgres> {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const process = spawn('go', ['run', './test/services/run', 'postgres'], {cwd: root, stdio: ['pipe', 'pipe', 'inherit']});
  const ended = new Promise<void>(resolve => { process.once('exit', () => resolve()); });
  const lines = createInterface({input: process.stdout})[Symbol.asyncIterator]();
  const next = async () => {
    const {value, done} = await lines.next() as {value?: string; done?: boolean};
    if (done || value === undefined) throw new Error('test/services/run has ended');
    return value;
  };
  const tell = async (command: string) => {
    process.stdin.write(`${command}\n`);
    const answer = await next();
    if (answer !== 'done') throw new Error(answer);
  };
  return {
    url: await next(),
    kill: () => tell('kill'),
    restart: () => tell('restart'),
    stop: () => {
      process.stdin.end();
      return ended;
    },
  };
}
