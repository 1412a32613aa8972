// For everybody: each view by axe, everything by the keyboard, and what screen readers are told.
import AxeBuilder from '@axe-core/playwright';
import {fill} from './content.ts';
import {composer, expect, messages, test, type Page} from './test.ts';

async function check(page: Page, view: string): Promise<void> {
  const {violations} = await new AxeBuilder({page}).analyze();
  const serious = violations.filter(({impact}) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({id, nodes}) => `${view}: ${id}: ${nodes.map(node => `${node.html} ${node.any[0]?.message ?? ''}`).join('\n')}`)).toEqual([]);
}

for (const [width, colorScheme] of [[1280, 'light'], [390, 'dark']] as const) { // what depends on both is not there
  test(`axe finds nothing serious: ${width} px, ${colorScheme}`, async ({open, server}) => {
    test.setTimeout(120_000);
    const chat = await fill(server);
    const page = await open('ann', '/', {viewport: {width, height: 844}, colorScheme, reducedMotion: 'reduce'});
    await expect(page.locator('.chat-item').first()).toBeVisible();
    await check(page, 'list');
    await page.getByRole('button', {name: 'New chat'}).click();
    await check(page, 'new chat');
    await page.keyboard.press('Escape');
    await page.goto(`/c/${chat}`);
    await expect(page.locator('.katex').first()).toBeAttached();
    await check(page, 'chat');
    await page.getByRole('button', {name: 'Members'}).click();
    await check(page, 'members');
    await page.keyboard.press('Escape');
    await messages(page).last().focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('menu')).toBeVisible();
    await check(page, 'menu');
  });
}

test.describe('signed out', () => {
  test.use({allowed: /401|WebSocket/});
  test('axe finds nothing serious: sign in', async ({open}) => {
    const page = await open(null, '/');
    await expect(page.getByRole('heading', {name: 'Sign in'})).toBeVisible();
    await check(page, 'sign in');
  });
});

test('everything by the keyboard alone', async ({open, server}) => {
  await server.chat('Some other chat', ['ann']);
  const page = await open('ann', '/');
  await expect(page.locator('.chat-item').first()).toBeVisible();
  const press = async (key: string, times = 1) => { for (let n = 0; n < times; n++) await page.keyboard.press(key); };
  const tabTo = async (name: string | RegExp, role: 'button' | 'link' | 'searchbox' | 'textbox' | 'log', key = 'Tab') => {
    for (let n = 0; n < 60; n++) {
      await press(key);
      if (await page.getByRole(role, {name, exact: typeof name === 'string'}).and(page.locator(':focus')).count()) return;
    }
    throw new Error(`${key} does not reach ${name}`);
  };
  // a new chat, with a first message
  await tabTo('New chat', 'button');
  await press('Enter');
  await page.keyboard.type('By keyboard');
  await press('Enter');
  await expect(page.getByRole('heading', {level: 1})).toHaveText('By keyboard');
  await expect(composer(page)).toBeFocused();
  await page.keyboard.type('first');
  await press('Enter');
  await page.keyboard.type('second');
  await press('Enter');
  await expect(page.locator('.message.sent')).toHaveCount(2);
  // the arrow up edits the last one
  await press('ArrowUp');
  await page.keyboard.type(', edited');
  await press('Enter');
  await expect(messages(page).last()).toContainText('second, edited');
  // the list, a message, its actions
  await tabTo('Messages', 'log', 'Shift+Tab');
  await press('ArrowUp', 2);
  await expect(messages(page).first()).toBeFocused();
  await press('Enter');
  await expect(page.getByRole('menuitem', {name: 'Reply'})).toBeFocused();
  await press('Escape');
  await press('Enter');
  await press('Enter');
  await expect(composer(page)).toBeFocused();
  await page.keyboard.type('an answer');
  await press('Enter');
  await expect(messages(page).last().locator('.quote')).toContainText('first');
  // the chat's menu: rename, then delete and undo
  await tabTo('Search titles', 'searchbox', 'Shift+Tab');
  await page.keyboard.type('by key');
  await expect(page.locator('.chat-item')).toHaveCount(1);
  await tabTo('Actions for By keyboard', 'button');
  await press('Enter');
  await press('ArrowUp', 2);
  await press('Enter');
  await page.keyboard.type('By keys');
  await press('Enter');
  await expect(page.getByRole('heading', {level: 1})).toHaveText('By keys');
  await page.getByRole('searchbox').focus();
  await page.getByRole('searchbox').fill('');
  await tabTo('Actions for By keys', 'button');
  await press('Enter');
  await press('End');
  await press('Enter');
  await expect(page.getByRole('link', {name: /^By keys/})).toHaveCount(0);
  await tabTo('Undo', 'button');
  await press('Enter');
  await expect(page.getByRole('link', {name: /^By keys/})).toBeVisible();
});

test('an open menu keeps its place when somebody writes', async ({open, server}) => {
  const chat = await server.chat('Busy', ['ann', 'ben']);
  const page = await open('ann', '/');
  await page.getByRole('button', {name: 'Actions for Busy'}).press('Enter');
  await expect(page.getByRole('menuitem').first()).toBeFocused();
  await page.keyboard.press('End');
  await expect(page.getByRole('menuitem').last()).toBeFocused();
  await server.send('ben', chat, 'hello there');
  await expect(page.locator('.chat-item', {hasText: 'hello there'})).toBeVisible();
  await expect(page.getByRole('menuitem').last()).toBeFocused();
});

test('screen readers are told of messages of others, of who types, and of the connection', async ({open, server}) => {
  const chat = await server.chat('Told', ['ann', 'ben']);
  const page = await open('ann', `/c/${chat}`);
  await expect(page.getByText('This chat is still empty')).toBeVisible();
  await server.send('ben', chat, 'hello **there**');
  await expect(page.getByRole('log', {name: 'New messages'})).toHaveText('Ben Lindqvist: hello there');
  await server.graphql('ben', `mutation { setTyping(input: {chatId: "${chat}", typing: true}) { chatId } }`);
  await expect(page.getByRole('status').filter({hasText: 'Ben Lindqvist is typing'})).toBeVisible();
});
