// The list of chats, and people.
import {composer, expect, messages, test, type Page} from './test.ts';

const item = (page: Page, title: string) => page.locator('.chat-item', {hasText: title});

async function choose(page: Page, title: string, action: string): Promise<void> {
  await item(page, title).getByRole('button').focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', {name: action}).click();
}

test('by module, pinned, muted, archived, renamed, deleted with undo', async ({open, server}) => {
  await server.graphql('erin', 'mutation { putModule(input: {moduleId: "logic", title: "Logic", content: "…"}) { module { id } } }');
  await server.chat('Plain', ['erin']);
  await server.chat('Proofs', ['erin'], 'logic');
  const page = await open('erin', '/');
  await expect(page.getByRole('heading', {name: 'Logic'})).toBeVisible();
  await choose(page, 'Plain', 'Pin');
  await expect(page.getByRole('heading', {name: 'Pinned'})).toBeVisible();
  await choose(page, 'Plain', 'Unpin');
  await expect(page.getByRole('heading', {name: 'Pinned'})).toHaveCount(0);
  await choose(page, 'Plain', 'Mute for an hour');
  await expect(item(page, 'Plain')).toContainText('Muted');
  await choose(page, 'Plain', 'Unmute');
  await expect(item(page, 'Plain')).not.toContainText('Muted');
  await choose(page, 'Plain', 'Archive');
  await expect(item(page, 'Plain')).toHaveCount(0);
  await page.getByRole('button', {name: 'Archived (1)'}).click();
  await choose(page, 'Plain', 'Move back');
  await page.getByRole('button', {name: 'Archived'}).click();
  await expect(item(page, 'Plain')).toBeVisible();
  await page.getByLabel('Show the chats of').selectOption('Logic');
  await expect(item(page, 'Plain')).toHaveCount(0);
  await expect(item(page, 'Proofs')).toBeVisible();
  await page.getByLabel('Show the chats of').selectOption('All modules');
  await choose(page, 'Plain', 'Delete');
  await expect(item(page, 'Plain')).toHaveCount(0);
  await page.getByRole('button', {name: 'Undo'}).click();
  await expect(item(page, 'Plain')).toBeVisible();
  await choose(page, 'Plain', 'Delete');
  await page.getByRole('status').getByRole('button', {name: 'Close'}).click();
  await expect.poll(async () => (await server.graphql<{chats: {nodes: {title: string}[]}}>('erin', '{ chats { nodes { title } } }')).chats.nodes.map(chat => chat.title)).not.toContain('Plain');
});

test('people are added and removed; who is removed is told', async ({open, server}) => {
  const chat = await server.chat('Group', ['ann']);
  await server.graphql('ben', '{ viewer { id } }');
  const ann = await open('ann', `/c/${chat}`);
  const ben = await open('ben', '/');
  await ann.getByRole('button', {name: 'Members'}).click();
  await ann.getByLabel('Add a person').fill('nobody-here');
  await ann.getByRole('button', {name: 'Add', exact: true}).click();
  await expect(ann.getByRole('alert').filter({hasText: /./})).toBeVisible();
  await ann.getByLabel('Add a person').fill('ben');
  await ann.getByRole('button', {name: 'Add', exact: true}).click();
  await item(ben, 'Group').getByRole('link').click();
  await expect(composer(ben)).toBeVisible();
  await expect(ann.locator('.members')).toContainText('online');
  await ann.getByRole('button', {name: 'Remove Ben Lindqvist'}).click();
  await expect(ben.getByRole('heading', {name: 'This chat is not there'})).toBeVisible();
});

test('many chats: the list stays short in the page, and a search finds the last', async ({open, server}) => {
  const fields = Array.from({length: 120}, (_, n) => `c${n}: createChat(input: {title: "Chat number ${n}"}) { chat { id } }`);
  for (let from = 0; from < fields.length; from += 20) await server.graphql('dora', `mutation { ${fields.slice(from, from + 20).join(' ')} }`);
  const page = await open('dora', '/');
  await expect(page.locator('.chat-item').first()).toBeVisible();
  expect(await page.locator('.chat-item').count()).toBeLessThan(60);
  await page.getByRole('searchbox').fill('number 0');
  await expect(page.locator('.chat-item')).toHaveCount(1);
  await page.getByRole('searchbox').fill('nothing of this kind');
  await expect(page.getByText('No chat has “nothing of this kind” in its title.')).toBeVisible();
});

test('without authentication there is one user, and nothing to sign in', async ({open}) => {
  const {Server} = await import('./server.ts');
  const server = await Server.start({authentication: false});
  try {
    const page = await open(null, `${server.url}/`, {baseURL: server.url});
    await expect(page.getByText('No chats yet')).toBeVisible();
    await page.getByRole('button', {name: 'New chat'}).click();
    await page.getByRole('textbox', {name: 'Title'}).fill('Mine alone');
    await page.getByRole('textbox', {name: 'First message'}).fill('note to self');
    await page.getByRole('button', {name: 'Start chat'}).click();
    await expect(messages(page)).toHaveText(/note to self/);
    await expect(page.getByRole('button', {name: 'Sign out'})).toHaveCount(0);
    await page.context().close();
  } finally {
    await server.stop();
  }
});
