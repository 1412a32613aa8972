// The real server on a port of its own, and what tests need beside it.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const SECRET = 'a secret of at least thirty-two bytes'

/** Signs a token for a user. */
export function sign(user: string, seconds = 3600): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: 'test', aud: 'studychat', sub: user, name: user, exp: Math.floor(Date.now() / 1000) + seconds })}`
  return `${head}.${createHmac('sha256', SECRET).update(head).digest('base64url')}`
}

/** A server that can be killed and started again at the same address. */
export class Server {
  url = ''
  private child: ChildProcess | undefined
  private address = '127.0.0.1:0'
  private readonly dir = mkdtempSync(join(tmpdir(), 'studychat-'))
  constructor(private readonly settings: Record<string, string>) {}

  private env(settings: Record<string, string> = {}): Record<string, string | undefined> {
    return {
      PATH: process.env.PATH, HOME: process.env.HOME, ADDR: this.address, JWT_SECRET: SECRET, JWT_ISSUER: 'test', JWT_AUDIENCE: 'studychat',
      DATABASE_URL: `sqlite:${this.dir}/chat.db`, ALLOWED_ORIGINS: 'http://localhost:3000', MUTATION_RATE: '1000', MUTATION_BURST: '5000',
      ADDRESS_MUTATION_RATE: '10000', ADDRESS_MUTATION_BURST: '50000', CONNECTIONS_PER_USER: '100', ...this.settings, ...settings,
    }
  }

  async start(settings: Record<string, string> = {}): Promise<void> {
    const child = spawn(process.env.STUDYCHAT_BINARY!, {
      env: this.env(settings),
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.child = child
    for await (const line of createInterface(child.stderr!)) {
      const log = JSON.parse(line) as { msg: string; addr?: string; address?: string }
      if (log.msg === 'listening') { this.address = (log.addr ?? log.address)!; break }
    }
    child.stderr!.resume()
    this.url = `http://${this.address}/graphql`
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.child
    this.child = undefined
    if (!child || child.exitCode !== null) return
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }

  /** Asks as a user. */
  async ask<Data = Record<string, never>>(user: string, query: string, variables: Record<string, unknown> = {}): Promise<Data> {
    const response = await fetch(this.url, {
      method: 'POST', body: JSON.stringify({ query, variables }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${sign(user)}` },
    })
    const answer = await response.json() as { data: Data; errors?: { message: string }[] }
    if (answer.errors) throw new Error(answer.errors[0]!.message)
    return answer.data
  }

  async newChat(user: string, title = 'A chat'): Promise<string> {
    const id = crypto.randomUUID()
    await this.ask(user, 'mutation ($input: CreateChatInput!) { createChat(input: $input) { chat { id } } }', { input: { id, title } })
    return id
  }

  async send(user: string, chatId: string, content: string): Promise<string> {
    const data = await this.ask<{ sendMessage: { message: { id: string } } }>(
      user, 'mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } } }', { input: { chatId, content } })
    return data.sendMessage.message.id
  }

  /** What a chat's messages are on the server. */
  async contents(user: string, chatId: string): Promise<string[]> {
    const all: string[] = []
    for (let after: string | null = null; ;) {
      type Data = { chat: { messages: { nodes: { content: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } } }
      const { chat }: Data = await this.ask<Data>(user,
        'query ($id: ID!, $after: String) { chat(id: $id) { messages(first: 100, after: $after) { nodes { content } pageInfo { hasNextPage endCursor } } } }',
        { id: chatId, after })
      all.push(...chat.messages.nodes.map(m => m.content))
      if (!chat.messages.pageInfo.hasNextPage) return all
      after = chat.messages.pageInfo.endCursor
    }
  }

  /** Keeps a copy of the database of a server that is down, and puts it back. */
  backUp(): void {
    cpSync(this.dir, `${this.dir}.bak`, { recursive: true })
  }

  restore(): void {
    rmSync(this.dir, { recursive: true })
    cpSync(`${this.dir}.bak`, this.dir, { recursive: true })
    execFileSync(process.env.STUDYCHAT_BINARY!, ['epoch', 'bump'], { env: this.env(), stdio: 'inherit' })
  }

  remove(): void {
    rmSync(`${this.dir}.bak`, { recursive: true, force: true })
    rmSync(this.dir, { recursive: true, force: true })
  }
}

const started = new Set<Server>()

// Once for the file: inside a test it is too late to ask for something after all tests.
afterAll(async () => {
  for (const server of started) { await server.kill(); server.remove() }
})

/** Starts a server that ends with the tests of the file. */
export async function startServer(settings: Record<string, string> = {}): Promise<Server> {
  const server = new Server(settings)
  started.add(server)
  await server.start()
  return server
}

/** Waits until a condition holds: asked again and again, with a deadline. */
export async function until<T>(what: string, condition: () => T | Promise<T>, ms = 15_000): Promise<T> {
  const deadline = performance.now() + ms
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
