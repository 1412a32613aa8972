// The list of messages: its end, its beginning, and what happens in between.
import {expect, messages, say, test, type Page} from './test.ts';

const scroller = (page: Page) => page.getByRole('log', {name: 'Messages', exact: true});
const toEnd = (page: Page) => scroller(page).evaluate(element => element.scrollHeight - element.scrollTop - element.clientHeight);
const texts = (n: number) => n % 7 === 3 ? `Message ${n}\n\n\`\`\`js\nconst a = ${n}\nconst b = a\n\`\`\`` : n % 5 === 0 ? `Message ${n} ${'goes on for a while '.repeat(12)}` : `Message ${n}`;

test('a burst leaves the end where it is', async ({open, server}) => {
  const chat = await server.chat('Burst', ['ann', 'ben']);
  await server.sendMany('ben', chat, 60, texts);
  const page = await open('ann', `/c/${chat}`);
  await page.getByRole('button', {name: 'To the newest message'}).or(page.locator('.to-end')).click();
  await expect.poll(() => toEnd(page)).toBeLessThan(2);
  await server.sendMany('ben', chat, 100, n => `${texts(n)} burst`);
  await expect(messages(page).last()).toContainText('Message 99');
  await expect.poll(() => toEnd(page)).toBeLessThan(2);
});

test('scrolled up, a new message moves nothing; older messages come without a jump', async ({open, server}) => {
  const chat = await server.chat('Long', ['ann', 'ben']);
  await server.sendMany('ben', chat, 300, texts);
  const page = await open('ann', `/c/${chat}`);
  await page.locator('.to-end').click();
  await expect.poll(() => toEnd(page)).toBeLessThan(2);
  await scroller(page).hover();
  await page.mouse.wheel(0, -700);
  await expect.poll(() => toEnd(page)).toBeGreaterThan(300);
  await settled(page);
  const place = await placeOfFirst(page);
  await server.sendMany('ben', chat, 20, n => `${texts(n)} new`);
  await expect(page.getByRole('button', {name: /20 new messages/})).toBeVisible();
  await settled(page);
  expect(Math.abs(await topOf(page, place.id) - place.top)).toBeLessThanOrEqual(2);

  // Up to the beginning. Whatever page comes, a message that is seen stays where the wheel has put it.
  for (let turns = 0; turns < 80 && !await page.getByText('The beginning of the chat').isVisible(); turns++) {
    const before = await placeOfFirst(page);
    await page.mouse.wheel(0, -450);
    await settled(page);
    const after = await topOf(page, before.id); // not a number if the message has gone so far that it is not drawn
    const end = await page.getByText('The beginning of the chat').isVisible(); // there the wheel moves less
    if (end) expect(after - before.top).toBeLessThanOrEqual(452);
    else expect(Math.abs(after - before.top - 450)).toBeLessThanOrEqual(2);
  }
  await expect(page.getByText('The beginning of the chat')).toBeVisible();
  expect(await messages(page).count()).toBeLessThan(80);
});

async function settled(page: Page): Promise<void> {
  let before = Number.NaN;
  await expect.poll(async () => {
    const now = await scroller(page).evaluate(element => element.scrollTop + element.scrollHeight * 1e6);
    const same = now === before;
    before = now;
    return same;
  }, {intervals: [60]}).toBe(true);
}

async function placeOfFirst(page: Page): Promise<{id: string; top: number}> {
  return scroller(page).evaluate(element => {
    const top = element.getBoundingClientRect().top + 20;
    const found = [...element.querySelectorAll<HTMLElement>('.message')].find(message => message.getBoundingClientRect().bottom > top)!;
    return {id: found.dataset['id']!, top: found.getBoundingClientRect().top};
  });
}

async function topOf(page: Page, id: string): Promise<number> {
  return page.evaluate(wanted => document.querySelector(`[data-id="${wanted}"]`)?.getBoundingClientRect().top ?? Number.NaN, id);
}

test('the line “New messages”, unread numbers and read marks', async ({open, server}) => {
  const chat = await server.chat('Unread here', ['ann', 'ben']);
  await server.send('ann', chat, 'old');
  const page = await open('ann', `/c/${chat}`);
  await expect(messages(page)).toHaveCount(1);
  await page.getByRole('navigation').getByRole('searchbox').fill(''); // somewhere else
  await page.goto('/');
  await server.sendMany('ben', chat, 3, n => `news ${n}`);
  await expect(page.locator('.chat-item', {hasText: 'Unread here'}).locator('.badge')).toHaveText('3');
  await page.getByRole('link', {name: /^Unread here/}).click();
  await expect(page.getByRole('separator')).toHaveText('New messages');
  await expect(page.locator('.chat-item', {hasText: 'Unread here'}).locator('.badge')).toHaveCount(0);
  const ben = await open('ben', `/c/${chat}`);
  await expect(ben.getByRole('img', {name: 'Read by Ann Okafor'})).toBeVisible();
  await page.goto('/');
  await page.goto(`/c/${chat}`);
  await expect(messages(page)).toHaveCount(4);
  await expect(page.getByRole('separator')).toHaveCount(0);
});

test('a link leads to a message far away, and back and forward work', async ({open, server}) => {
  const chat = await server.chat('Links', ['ann', 'ben']);
  const first = await server.send('ben', chat, 'the one that is meant');
  await server.sendMany('ben', chat, 160, texts);
  const page = await open('ann', `/c/${chat}/m/${first}`);
  await expect(page.locator(`[data-id="${first}"]`)).toBeInViewport();
  await expect(page.locator(`[data-id="${first}"]`)).toHaveClass(/lit/);
  await page.locator('.to-end').click(); // its name counts new messages, once they are known
  await expect(messages(page).last()).toContainText('Message 159');
  await expect.poll(() => toEnd(page)).toBeLessThan(2);
  const other = await server.chat('Another chat', ['ann']);
  await page.getByRole('link', {name: /^Another chat/}).click();
  await expect(page).toHaveURL(`/c/${other}`);
  await expect(page).toHaveTitle(/Another chat/);
  await page.goBack();
  await expect(page.getByRole('heading', {level: 1})).toHaveText('Links');
  await page.goForward();
  await expect(page.getByRole('heading', {level: 1})).toHaveText('Another chat');
  await say(page, 'still works');
  await expect(messages(page)).toHaveCount(1);
});

test('own messages are not news, also when the answer that says who the user is comes last', async ({open, server}) => {
  const chat = await server.chat('Notes to myself', ['ann']);
  await server.sendMany('ann', chat, 40, n => `Note ${n}`);
  const page = await open('ann', '/playground');
  let answer = () => {};
  const held = new Promise<void>(resolve => { answer = resolve; });
  await page.route('**/graphql', async route => {
    if (route.request().postData()?.includes('query Viewer')) await held;
    await route.continue();
  });
  await page.goto(`/c/${chat}`);
  await expect(page.getByRole('heading', {name: 'Notes to myself'})).toBeVisible();
  answer();
  await expect(messages(page).filter({hasText: 'Note 39'})).toBeInViewport();
  await expect(page.locator('.new-line')).toHaveCount(0);
});

test('few long messages open at the first new one, though by their estimated heights all of them would fit', async ({open, server}) => {
  const chat = await server.chat('Few and long', ['ann', 'ben']);
  await server.sendMany('ben', chat, 8, n => `Long ${n}\n\n${'line\n'.repeat(14)}`);
  const page = await open('ann', `/c/${chat}`);
  await expect(messages(page).filter({hasText: 'Long 0'})).toBeInViewport();
  await page.evaluate(() => new Promise<void>(resolve => {
    let frames = 0;
    const frame = () => { frames++ < 20 ? requestAnimationFrame(frame) : resolve(); };
    frame();
  }));
  await expect(page.getByRole('button', {name: '8 new messages'})).toBeVisible();
  await expect(page.locator('.new-line')).toBeInViewport();
});
