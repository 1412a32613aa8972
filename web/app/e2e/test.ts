import {test as base, expect, type BrowserContext, type Page} from '@playwright/test';
import {Server, sign} from './server.ts';

export {expect, sign, Server};
export type {Page};

interface Worker { server: Server }
interface Each {
  /** Opens the page as a user, in a browser context of its own. */
  open: (user: string | null, path?: string, options?: Parameters<import('@playwright/test').Browser['newContext']>[0]) => Promise<Page>;
  /** What the browser may complain about in this test, because the test causes it. */
  allowed: RegExp | null;
}

/** Tests with a server per worker. A violation of the Content-Security-Policy, an error in the console, or a request to another host fails any of them. */
export const test = base.extend<Each, Worker>({
  server: [async ({}, use) => {
    const server = await Server.start();
    await use(server);
    await server.stop();
  }, {scope: 'worker'}],
  allowed: [null, {option: true}],
  open: async ({browser, server, allowed}, use) => {
    const problems: string[] = [];
    const contexts: BrowserContext[] = [];
    await use(async (user, path = '/', options = {}) => {
      const context = await browser.newContext({baseURL: server.url, locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options});
      contexts.push(context);
      await guard(context, new URL(options.baseURL ?? server.url).host, problems);
      if (user) {
        const token = sign(user);
        await context.addInitScript(value => { try { if (!sessionStorage.getItem('studychat.token')) sessionStorage.setItem('studychat.token', value); } catch { /* refused */ } }, token);
      }
      const page = await context.newPage();
      await page.goto(path);
      return page;
    });
    await Promise.all(contexts.map(context => context.close()));
    expect(problems.filter(problem => !allowed?.test(problem))).toEqual([]);
  },
});

async function guard(context: BrowserContext, host: string, problems: string[]): Promise<void> {
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', event => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
  });
  context.on('console', message => { if (message.type() === 'error' || message.type() === 'warning') problems.push(`console: ${message.text()} ${message.location().url}`); });
  context.on('weberror', error => problems.push(`error: ${error.error().stack ?? error.error().message}`));
  context.on('request', request => {
    const url = new URL(request.url());
    if (url.host !== host && !['data:', 'blob:'].includes(url.protocol)) problems.push(`foreign request: ${request.url()}`);
  });
}

/** The field in which messages are written. */
export const composer = (page: Page) => page.getByRole('textbox', {name: 'Message', exact: true});

/** The messages of the open chat. */
export const messages = (page: Page) => page.locator('.message');

/** Writes a message and sends it. */
export async function say(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await composer(page).press('Enter');
}

/** What the server has of a chat: the texts of its last 100 messages. */
export async function contents(server: Server, user: string, chat: string): Promise<string[]> {
  const found = await server.graphql<{chat: {messages: {nodes: {content: string}[]}}}>(user, `{ chat(id: "${chat}") { messages(last: 100) { nodes { content } } } }`);
  return found.chat.messages.nodes.map(message => message.content);
}
