// What only the owner of a chat may do: hand it over, and delete all own chats at once.
import AxeBuilder from '@axe-core/playwright';
import {expect, test, type Page} from './test.ts';

async function axe(page: Page): Promise<void> {
  await page.evaluate(() => Promise.all(document.getAnimations().map(animation => animation.finished)));
  const {violations} = await new AxeBuilder({page}).analyze();
  expect(violations.filter(({impact}) => impact === 'serious' || impact === 'critical').map(({id, nodes}) => `${id}: ${nodes.map(node => node.html).join('\n')}`)).toEqual([]);
}

test('a chat is handed to another member: the new owner manages it, the former one may leave', async ({open, server}) => {
  const chat = await server.chat('Handed over', ['ann', 'ben']);
  const [ann, ben] = [await open('ann', `/c/${chat}`), await open('ben', `/c/${chat}`)];
  await ann.getByRole('button', {name: 'Members'}).click();
  await ben.getByRole('button', {name: 'Members'}).click();
  await expect(ben.getByRole('button', {name: 'Leave'})).toBeVisible();
  await expect(ben.getByRole('button', {name: /the owner$/})).toHaveCount(0);

  await ann.getByRole('button', {name: 'Make Ben Lindqvist the owner'}).click();
  const question = ann.getByRole('dialog', {name: 'Make Ben Lindqvist the owner?'});
  await expect(question).toContainText('Only Ben Lindqvist can then rename or delete the chat');
  await axe(ann);
  expect(await question.locator('p').evaluateAll(all => all.filter(text => text.scrollWidth > text.clientWidth).length)).toBe(0); // all of it is seen
  await question.getByRole('button', {name: 'Cancel'}).click();
  await expect(ann.getByRole('listitem').filter({hasText: 'Ann Okafor'})).toContainText('Owner');

  await ann.getByRole('button', {name: 'Make Ben Lindqvist the owner'}).click();
  await question.getByRole('button', {name: 'Make owner'}).click();
  await expect(ann.getByRole('status').filter({hasText: 'Ben Lindqvist owns this chat now.'})).toBeVisible();
  await expect(ann.getByRole('listitem').filter({hasText: 'Ben Lindqvist'})).toContainText('Owner');
  await expect(ann.getByRole('button', {name: 'Leave'})).toBeVisible();
  await expect(ann.getByRole('button', {name: 'Remove Ben Lindqvist'})).toHaveCount(0);
  await expect(ben.getByRole('button', {name: 'Remove Ann Okafor'})).toBeVisible();
  await expect(ben.getByRole('button', {name: 'Leave'})).toHaveCount(0);
});

test('a transfer that the server refuses says why, and nothing changes', async ({open, server}) => {
  const page = await open('ann', `/c/${await server.chat('Kept', ['ann', 'ben'])}`);
  await page.getByRole('button', {name: 'Members'}).click();
  await page.route('**/graphql', async route => {
    if (!route.request().postData()?.includes('transferChat')) return route.continue();
    await route.fulfill({json: {data: {transferChat: null}, errors: [{message: 'that user is not a member', extensions: {code: 'CONFLICT'}}]}});
  });
  await page.getByRole('button', {name: 'Make Ben Lindqvist the owner'}).click();
  await page.getByRole('button', {name: 'Make owner', exact: true}).click();
  await expect(page.getByRole('dialog').getByRole('alert')).toHaveText('That did not work: that user is not a member');
  await page.getByRole('button', {name: 'Cancel'}).click();
  await expect(page.getByRole('listitem').filter({hasText: 'Ann Okafor'})).toContainText('Owner');
});

test('all own chats are deleted after a question that names them; those of others stay', async ({open, server}) => {
  for (let n = 1; n <= 5; n++) await server.chat(`Own ${n}`, ['fay']);
  const shared = await server.chat('Own, and shared', ['fay', 'gil']);
  await server.chat('Of gil', ['gil', 'fay']);
  const [fay, gil] = [await open('fay', `/c/${shared}`), await open('gil', `/c/${shared}`)];
  await expect(fay.locator('.chat-item')).toHaveCount(7);
  const ask = async () => {
    await fay.getByRole('button', {name: 'More'}).click();
    await fay.getByRole('menuitem', {name: 'Delete all my chats'}).click();
  };
  await ask();
  const question = fay.getByRole('dialog', {name: 'Delete all your chats?'});
  await expect(question).toContainText('You own 6 chats. They are deleted for everyone in them, with all their messages. This cannot be undone.');
  await expect(question.getByRole('listitem')).toHaveText(['Own, and shared', 'Own 5', 'Own 4', 'Own 3', 'and 2 others']);
  await axe(fay);
  await fay.keyboard.press('Escape');
  await expect(fay.locator('.chat-item')).toHaveCount(7);

  await ask();
  await question.getByRole('button', {name: 'Delete for everyone'}).click();
  await expect(fay.getByRole('status').filter({hasText: '6 chats are deleted.'})).toBeVisible();
  await expect(fay.locator('.chat-item')).toHaveText([/Of gil/]);
  await expect(fay).toHaveURL('/');
  await expect(gil.getByRole('heading', {name: 'This chat is not there'})).toBeVisible();
  await ask();
  await expect(fay.getByRole('dialog')).toContainText('You own no chats.');
});
