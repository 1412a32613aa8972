import {execFileSync, spawn, type ChildProcess} from 'node:child_process';
import {createHmac, randomUUID} from 'node:crypto';
import {mkdtempSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const secret = 'a secret of the tests, thirty-two bytes';
const binary = process.env['STUDYCHAT_BINARY'] ?? '';

/** A token of a user. */
export function sign(user: string, options: {seconds?: number; name?: string; scope?: string} = {}): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + (options.seconds ?? 3600);
  const claims = {iss: 'tests', aud: 'studychat', sub: user, name: options.name ?? names[user] ?? user, exp, ...(options.scope ? {scope: options.scope} : {})};
  const text = `${part({alg: 'HS256', typ: 'JWT'})}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

const names: Record<string, string> = {ann: 'Ann Okafor', ben: 'Ben Lindqvist', carla: 'Carla Reyes', tutor: 'Ada'};

/** A real server: its binary, with a database of its own. */
export class Server {
  private process: ChildProcess | undefined;
  private redisProcess: ChildProcess | undefined;
  private readonly dir = mkdtempSync(join(tmpdir(), 'studychat-'));
  private constructor(readonly url: string, private readonly environment: Record<string, string>) {}

  /** Starts one; without `authentication` there is one user, who needs no token. */
  static async start({authentication = true, environment = {}}: {authentication?: boolean; environment?: Record<string, string>} = {}): Promise<Server> {
    const port = await freePort();
    const server = new Server(`http://127.0.0.1:${port}`, {
      ADDR: `127.0.0.1:${port}`, LOG_LEVEL: 'warn', MUTATION_RATE: '0', ADDRESS_MUTATION_RATE: '0', CONNECTIONS_PER_USER: '0',
      ...(authentication ? {JWT_SECRET: secret, JWT_ISSUER: 'tests', JWT_AUDIENCE: 'studychat'} : {}),
      ...environment,
    });
    // With SERVICES, by test/services/run: on PostgreSQL, in a database of its own, and with Redis.
    const cluster = process.env['SERVICES'] ? process.env['TEST_DATABASE_URL'] : undefined;
    if (cluster) {
      server.environment['DATABASE_URL'] ??= createDatabase(cluster);
      server.environment['REDIS_URL'] = await server.redis();
    }
    await server.up();
    return server;
  }

  /** Starts a Redis for this server, if there is one on this machine. */
  private async redis(): Promise<string> {
    const port = await freePort();
    this.redisProcess = spawn('redis-server', ['--port', String(port), '--save', '', '--dir', this.dir], {stdio: 'ignore'});
    await new Promise<void>((resolve, reject) => {
      this.redisProcess!.once('error', reject);
      setTimeout(resolve, 500);
    });
    return `redis://127.0.0.1:${port}`;
  }

  /** Ends its Redis at once. */
  killRedis(): void {
    this.redisProcess?.kill('SIGKILL');
  }

  /** Starts it again where it was. */
  async up(changed: Record<string, string> = {}): Promise<void> {
    const environment = {DATABASE_URL: `sqlite:${join(this.dir, 'chat.db')}`, ...this.environment, ...changed};
    const started = spawn(binary, {env: {PATH: process.env['PATH'], ...environment}, stdio: ['ignore', 'ignore', 'inherit']});
    this.process = started;
    for (let tries = 0; tries < 400; tries++) {
      if (started.exitCode !== null) throw new Error(`the server ended with ${started.exitCode}`);
      const ready = await fetch(`${this.url}/readyz`).then(answer => answer.ok, () => false);
      if (ready) return;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    throw new Error('the server did not become ready');
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    const running = this.process;
    if (!running || running.exitCode !== null) return;
    const ended = new Promise(resolve => running.once('exit', resolve));
    running.kill('SIGKILL');
    await ended;
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    await this.kill();
    this.killRedis();
    rmSync(this.dir, {recursive: true, force: true});
  }

  /** Runs an operation as a user. */
  async graphql<Data = Record<string, never>>(user: string, query: string, variables: Record<string, unknown> = {}): Promise<Data> {
    const scope = 'modules users assistant';
    const answer = await fetch(`${this.url}/graphql`, {
      method: 'POST', headers: {'content-type': 'application/json', authorization: `Bearer ${sign(user, {scope})}`}, body: JSON.stringify({query, variables}),
    });
    const {data, errors} = await answer.json() as {data: Data; errors?: {message: string}[]};
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** Starts a chat of these users; the first one owns it. */
  async chat(title: string, users: string[], moduleId?: string): Promise<string> {
    const id = randomUUID();
    await this.graphql(users[0]!, 'mutation($i: CreateChatInput!) { createChat(input: $i) { chat { id } } }', {i: {id, title, moduleId}});
    for (const userId of users.slice(1)) {
      await this.graphql(users[0]!, 'mutation($i: AddMemberInput!) { addMember(input: $i) { chat { id } } }', {i: {chatId: id, userId, invite: true}});
      await this.graphql(userId, '{ viewer { id } }'); // now the user has a name
    }
    return id;
  }

  /** Sends a message and returns its id. */
  async send(user: string, chatId: string, content: string, more: Record<string, unknown> = {}): Promise<string> {
    const id = randomUUID();
    await this.graphql(user, 'mutation($i: SendMessageInput!) { sendMessage(input: $i) { message { id } } }', {i: {id, chatId, content, ...more}});
    return id;
  }

  /** Sends many messages: `content` makes each. */
  async sendMany(user: string, chatId: string, count: number, content: (n: number) => string): Promise<void> {
    const size = 20;
    for (let from = 0; from < count; from += size) {
      const all = Array.from({length: Math.min(size, count - from)}, (_, i) => ({chatId, content: content(from + i)}));
      const parameters = all.map((_, i) => `$i${i}: SendMessageInput!`).join(', ');
      const fields = all.map((_, i) => `m${i}: sendMessage(input: $i${i}) { message { id } }`).join(' ');
      await this.graphql(user, `mutation(${parameters}) { ${fields} }`, Object.fromEntries(all.map((input, i) => [`i${i}`, input])));
    }
  }

  /** Sends many messages in no particular order: requests that run at the same time share transactions, so 10,000 take seconds. */
  async sendHeap(user: string, chatId: string, count: number, content: (n: number) => string): Promise<void> {
    const [size, lanes] = [20, 32];
    let next = 0;
    await Promise.all(Array.from({length: lanes}, async () => {
      while (next < count) {
        const from = next;
        next += size;
        await this.sendMany(user, chatId, Math.min(size, count - from), n => content(from + n));
      }
    }));
  }
}

function createDatabase(cluster: string): string {
  const name = `page_${randomUUID().replaceAll('-', '')}`;
  execFileSync('psql', [cluster, '-q', '-c', `CREATE DATABASE ${name}`]);
  const url = new URL(cluster);
  url.pathname = `/${name}`;
  return url.href;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const {port} = probe.address() as {port: number};
      probe.close(() => resolve(port));
    });
  });
}
