import {composer, expect, messages, say, test} from './test.ts';

test('two people talk: what one writes, the other sees', async ({open, server}) => {
  const chat = await server.chat('Linear algebra', ['ann', 'ben']);
  const ann = await open('ann');
  await ann.getByRole('link', {name: 'Linear algebra'}).click();
  const ben = await open('ben', `/c/${chat}`);
  await say(ann, 'What is an **eigenvector**?');
  await expect(messages(ann)).toHaveCount(1);
  await expect(messages(ben).getByText('What is an eigenvector?')).toBeVisible();
  await expect(messages(ben).locator('strong', {hasText: 'eigenvector'})).toBeVisible();
  await composer(ben).pressSequentially('One that $A$ only stretches');
  await expect(ann.getByText('Ben Lindqvist is typing…')).toBeVisible();
  await composer(ben).press('Enter');
  await expect(messages(ann)).toHaveCount(2);
  await expect(messages(ann).locator('.katex').first()).toBeVisible();
});
