// What networks, servers and browsers do to messages on their way.
import type {Page, WebSocketRoute} from '@playwright/test';
import {composer, contents, expect, messages, say, Server, sign, test} from './test.ts';

const broken = /net::ERR_|WebSocket connection/;

// Watches, frame by frame, how often a text is shown, until the test asks.
async function watch(page: Page, text: string): Promise<() => Promise<number[]>> {
  await page.evaluate(wanted => {
    const seen: number[] = [];
    Object.assign(window, {seen});
    const look = () => {
      const now = [...document.querySelectorAll('.message .prose')].filter(element => element.textContent === wanted).length;
      if (seen.at(-1) !== now) seen.push(now);
      requestAnimationFrame(look);
    };
    look();
  }, text);
  return () => page.evaluate(() => (window as unknown as {seen: number[]}).seen);
}

for (const held of ['answer', 'event'] as const) {
  test(`the ${held} is held back: the message neither flickers nor doubles`, async ({open, server}) => {
    const chat = await server.chat(`Held ${held}`, ['ann']);
    let hold = false;
    const page = await open('ann', '/playground'); // somewhere else, until the routes are set
    await page.context().route('**/graphql', async route => {
      const response = await route.fetch();
      if (hold && held === 'answer' && route.request().postData()?.includes('sendMessage')) await new Promise(resolve => setTimeout(resolve, 3_000));
      await route.fulfill({response});
    });
    await page.context().routeWebSocket('**/graphql', (socket: WebSocketRoute) => {
      const upstream = socket.connectToServer();
      upstream.onMessage(message => {
        if (hold && held === 'event' && String(message).includes('MessageSent')) setTimeout(() => socket.send(message), 3_000);
        else socket.send(message);
      });
    });
    await page.goto(`/c/${chat}`);
    await expect(page.getByText('This chat is still empty')).toBeVisible();
    hold = true;
    const seen = await watch(page, 'once');
    await say(page, 'once');
    await expect(page.locator('.message.sent', {hasText: 'once'})).toBeVisible();
    await page.waitForTimeout(3_500); // until what was held back has come
    expect(await seen()).toEqual([0, 1]);
  });
}

test.describe('without a network', () => {
  test.use({allowed: broken});

  test('a new chat, five messages and an edit, a reload, online: all in order, once', async ({open, server}) => {
    const page = await open('ann');
    await expect(page.locator('.you .name')).toHaveText('Ann Okafor');
    let cut = false;
    await page.context().route('**/graphql', route => cut ? route.abort('internetdisconnected') : route.continue());
    await page.context().routeWebSocket('**/graphql', socket => {
      if (cut) void socket.close({code: 1013});
      else socket.connectToServer();
    });
    await page.context().setOffline(true);
    await page.getByRole('button', {name: 'New chat'}).click();
    await page.getByRole('textbox', {name: 'Title'}).fill('Written in a tunnel');
    await page.getByRole('button', {name: 'Start chat'}).click();
    for (let n = 1; n <= 5; n++) await say(page, `message ${n}`);
    await expect(messages(page)).toHaveCount(5);
    await composer(page).press('Escape');
    await messages(page).nth(2).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', {name: 'Edit'}).click();
    await composer(page).fill('message 3, edited');
    await composer(page).press('Enter');
    await expect(page.getByText('Offline, 5 messages waiting')).toBeVisible();
    cut = true; // the page itself loads again, its data does not
    await page.context().setOffline(false);
    await page.reload();
    await expect(messages(page)).toHaveText([/message 1/, /message 2/, /message 3, edited/, /message 4/, /message 5/]);
    cut = false;
    await page.getByRole('button', {name: 'Connect now'}).click({timeout: 3_000}).catch(() => {});
    await expect(page.locator('.message.sent')).toHaveCount(5, {timeout: 30_000});
    const chat = page.url().split('/').at(-1)!;
    expect(await contents(server, 'ann', chat)).toEqual(['message 1', 'message 2', 'message 3, edited', 'message 4', 'message 5']);
  });

  test('two tabs and one outbox: each message goes once', async ({open, server}) => {
    const chat = await server.chat('Two tabs', ['ann']);
    const first = await open('ann', `/c/${chat}`);
    const token = sign('ann');
    const second = await first.context().newPage();
    await second.addInitScript(value => sessionStorage.setItem('studychat.token', value), token);
    await second.goto(`/c/${chat}`);
    for (const page of [first, second]) await expect(page.locator('.you .name')).toHaveText('Ann Okafor');
    await first.context().setOffline(true);
    for (let n = 1; n <= 4; n++) await say(first, `tab one, ${n}`);
    await expect(first.getByText(/4 messages waiting/)).toBeVisible();
    await first.context().setOffline(false);
    for (const page of [first, second]) await expect(page.locator('.message.sent')).toHaveCount(4, {timeout: 30_000});
    expect(await contents(server, 'ann', chat)).toEqual([1, 2, 3, 4].map(n => `tab one, ${n}`));
  });

  test('a reload in the middle of a send', async ({open, server}) => {
    const chat = await server.chat('Reload', ['ann']);
    const page = await open('ann', `/c/${chat}`);
    await expect(page.locator('.you .name')).toHaveText('Ann Okafor');
    let block = true;
    await page.context().route('**/graphql', async route => {
      if (block && route.request().postData()?.includes('sendMessage')) {
        await route.fetch().catch(() => {}); // the server has it; the answer is lost
        return;
      }
      await route.continue();
    });
    await say(page, 'in the middle');
    await expect(page.locator('.message')).toHaveCount(1);
    await page.waitForTimeout(300);
    await page.reload();
    block = false;
    await expect(page.locator('.message.sent')).toHaveCount(1, {timeout: 20_000});
    expect(await contents(server, 'ann', chat)).toEqual(['in the middle']);
  });

  test('the server is killed and comes back while one types', async ({open}) => {
    const server = await Server.start();
    try {
      const chat = await server.chat('Crash', ['ann', 'ben']);
      const page = await open('ann', `${server.url}/c/${chat}`, {baseURL: server.url});
      await composer(page).pressSequentially('half of it, ');
      await server.kill();
      await composer(page).pressSequentially('and the other half');
      await composer(page).press('Enter');
      await expect(page.getByText(/1 message waiting/)).toBeVisible();
      await server.up();
      await page.getByRole('button', {name: 'Connect now'}).click({timeout: 3_000}).catch(() => {});
      await expect(page.locator('.message.sent')).toHaveCount(1, {timeout: 30_000});
      await server.send('ben', chat, 'welcome back');
      await expect(messages(page)).toHaveText([/half of it, and the other half/, /welcome back/]);
    } finally {
      await server.stop();
    }
  });
});

test.describe('with a token that has ended', () => {
  test.use({allowed: /401|WebSocket|net::ERR_/});

  test('the page asks for another, and goes on where it was', async ({open}) => {
    const server = await Server.start();
    const chat = await server.chat('Overnight', ['ann']);
    const page = await open(null, `${server.url}/c/${chat}`, {baseURL: server.url});
    await expect(page.getByRole('heading', {name: 'Sign in'})).toBeVisible();
    await page.getByLabel('Token').fill(sign('ann', {seconds: -60}));
    await page.getByRole('button', {name: 'Sign in'}).click();
    await expect(page.getByRole('alert').filter({hasText: 'does not accept'})).toBeVisible();
    await page.getByLabel('Token').fill(sign('ann'));
    await page.getByRole('button', {name: 'Sign in'}).click();
    await say(page, 'before midnight');
    await expect(page.locator('.message.sent')).toHaveCount(1);
    await composer(page).fill('a draft');
    await server.kill();
    await server.up({JWT_SECRET: 'another one: tokens of before are not valid'});
    await expect(page.getByRole('heading', {name: 'Sign in'})).toBeVisible({timeout: 20_000});
    await server.kill();
    await server.up();
    await page.getByLabel('Token').fill(sign('ann'));
    await page.getByRole('button', {name: 'Sign in'}).click();
    await expect(page.locator('.message.sent')).toHaveCount(1);
    await expect(composer(page)).toHaveValue('a draft');
    await page.getByRole('button', {name: 'Sign out'}).click();
    await expect(page.getByRole('heading', {name: 'Sign in'})).toBeVisible();
    expect(await page.evaluate(() => Object.keys(localStorage).filter(key => key.includes('draft')))).toEqual([]);
    await page.context().close();
    await server.stop();
  });
});

test('Redis is killed: messages go on', async ({open, server}) => {
  test.skip(!process.env['SERVICES'], 'there is no Redis in this run');
  const chat = await server.chat('No Redis', ['ann', 'ben']);
  const [ann, ben] = [await open('ann', `/c/${chat}`), await open('ben', `/c/${chat}`)];
  await say(ann, 'with');
  await expect(messages(ben)).toHaveText([/with/]);
  server.killRedis();
  await say(ann, 'without');
  await expect(messages(ben)).toHaveText([/with/, /without/], {timeout: 20_000});
});

test('a clock that is wrong by a day, and storage that is refused', async ({open, server}) => {
  const chat = await server.chat('Odd', ['ann', 'ben']);
  const page = await open('ann', '/playground');
  await page.addInitScript(() => {
    const shift = 26 * 3_600_000;
    const Real = Date;
    globalThis.Date = class extends Real {
      constructor(...args: []) { super(...(args.length ? args : [Real.now() + shift] as unknown as [])); }
      static override now() { return Real.now() + shift; }
    } as DateConstructor;
    const refuse = () => { throw new DOMException('refused', 'SecurityError'); };
    Object.defineProperty(window, 'localStorage', {get: refuse});
    Object.defineProperty(window, 'indexedDB', {get: refuse});
  });
  await page.goto(`/c/${chat}`);
  await say(page, 'mine');
  await expect(page.locator('.message.sent', {hasText: 'mine'})).toBeVisible(); // or the other one may be the first
  await server.send('ben', chat, 'yours');
  await expect(messages(page)).toHaveText([/mine/, /yours/]);
  await expect(page.getByRole('heading', {level: 2, name: 'Today'})).toBeVisible();
  await expect(page.locator('.day')).toHaveCount(1);
});

test('the browser is frozen with two chats open: each message in its own chat', async ({open, server}) => {
  const [one, two] = [await server.chat('Chat one', ['ann', 'ben']), await server.chat('Chat two', ['ann', 'ben'])];
  const pages = [await open('ann', `/c/${one}`), await open('ann', `/c/${two}`)];
  for (const page of pages) await expect(page.getByText('This chat is still empty')).toBeVisible();
  const sessions = await Promise.all(pages.map(page => page.context().newCDPSession(page)));
  for (const session of sessions) await session.send('Page.setWebLifecycleState', {state: 'frozen'});
  for (let n = 0; n < 5; n++) {
    await server.send('ben', one, `one ${n}`);
    await server.send('ben', two, `two ${n}`);
  }
  await new Promise(resolve => setTimeout(resolve, 3_000));
  for (const session of sessions) await session.send('Page.setWebLifecycleState', {state: 'active'});
  await expect(messages(pages[0]!)).toHaveText([0, 1, 2, 3, 4].map(n => new RegExp(`one ${n}`)));
  await expect(messages(pages[1]!)).toHaveText([0, 1, 2, 3, 4].map(n => new RegExp(`two ${n}`)));
});
