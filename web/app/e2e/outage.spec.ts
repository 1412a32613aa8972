// What happens to messages while the page sleeps, or the database is gone.
import {freeze} from './freeze.ts';
import {startPostgres} from './postgres.ts';
import {contents, expect, messages, say, Server, test} from './test.ts';

const seconds = process.env['LONG'] ? 90 : 4;

test.describe('asleep', () => {
  test.use({allowed: /net::ERR_|WebSocket connection/});

  test(`two tabs with two chats sleep for ${seconds} s: each message in its own chat, once`, async ({browser, open}) => {
    test.setTimeout(60_000 + seconds * 1_000);
    const server = await Server.start();
    let wake: (() => void) | undefined;
    try {
      const [one, two] = [await server.chat('Chat one', ['ann', 'ben']), await server.chat('Chat two', ['ann', 'ben'])];
      const first = await open('ann', `${server.url}/c/${one}`, {baseURL: server.url});
      const second = await first.context().newPage(); // the same user in the same browser: one outbox
      await second.goto(`/c/${two}`);
      for (const page of [first, second]) await expect(page.getByText('This chat is still empty')).toBeVisible();
      await say(first, 'mine, one');
      await say(second, 'mine, two');
      wake = await freeze(browser);
      const asleep = new Promise(resolve => setTimeout(resolve, seconds * 1_000));
      for (let n = 0; n < 4; n++) {
        await server.send('ben', one, `one ${n}`);
        await server.send('ben', two, `two ${n}`);
      }
      if (!process.env['LONG']) { // the connection ends as after a minute without an answer to a ping
        await server.kill();
        await server.up();
      }
      await server.send('ben', one, 'one 4');
      await server.send('ben', two, 'two 4');
      await asleep;
      wake();
      for (const [page, chat, name] of [[first, one, 'one'], [second, two, 'two']] as const) {
        await say(page, `awake, ${name}`);
        await expect(page.locator('.message', {hasText: 'awake'}).and(page.locator('.sent'))).toBeVisible({timeout: 20_000});
        const expected = [`mine, ${name}`, ...[0, 1, 2, 3, 4].map(n => `${name} ${n}`), `awake, ${name}`];
        await expect(messages(page)).toHaveCount(expected.length, {timeout: 20_000});
        const shown = await messages(page).locator('.prose').allTextContents();
        expect(shown).toEqual(await contents(server, 'ann', chat)); // what was on its way when they fell asleep may have come before or after
        expect([...shown].sort()).toEqual([...expected].sort());
      }
    } finally {
      wake?.();
      await server.stop();
    }
  });
});

test.describe('without PostgreSQL', () => {
  test.use({allowed: /503|502|net::ERR_|WebSocket connection/});

  test('PostgreSQL is killed and comes back while one writes: nothing is lost, nothing doubles', async ({open}) => {
    test.skip(!process.env['SERVICES'], 'this run has no PostgreSQL');
    test.setTimeout(120_000);
    const postgres = await startPostgres();
    const server = await Server.start({environment: {DATABASE_URL: postgres.url}});
    try {
      const chat = await server.chat('No database', ['ann', 'ben']);
      const [ann, ben] = [await open('ann', `${server.url}/c/${chat}`, {baseURL: server.url}), await open('ben', `${server.url}/c/${chat}`, {baseURL: server.url})];
      await say(ann, 'before');
      await expect(messages(ben)).toHaveText([/before/]);
      await postgres.kill();
      await say(ann, 'written in between, 1');
      await say(ann, 'written in between, 2');
      await say(ben, 'and by ben');
      await expect(ann.locator('.message.queued')).toHaveText([/in between, 1/, /in between, 2/]);
      await expect(ann.locator('.connection')).toHaveText(/^2 messages waiting/); // connected, so nothing is said of the connection
      await postgres.restart();
      for (const page of [ann, ben]) await expect(page.locator('.message.sent')).toHaveCount(4, {timeout: 40_000});
      const stored = await contents(server, 'ann', chat);
      expect([...stored].sort()).toEqual(['and by ben', 'before', 'written in between, 1', 'written in between, 2']);
      expect(stored.filter(text => text.startsWith('written'))).toEqual(['written in between, 1', 'written in between, 2']);
      for (const page of [ann, ben]) {
        expect(await messages(page).locator('.prose').allTextContents()).toEqual(stored);
        await expect(page.locator('.connection')).toHaveCount(0);
      }
    } finally {
      await server.stop();
      await postgres.stop();
    }
  });
});
