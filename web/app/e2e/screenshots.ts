// Writes each view to the directory SCREENSHOTS: 1280 and 390 px wide, dark and light. See README.md.
import {test, type Page} from '@playwright/test';
import {fill} from './content.ts';
import {Server, sign} from './server.ts';

const to = process.env['SCREENSHOTS'];
const only = (process.env['ONLY'] ?? '').split(',').filter(Boolean);

const views = (main: string): [string, string, ((page: Page) => Promise<void>)?][] => [
  ['list', '/'],
  ['chat', `/c/${main}`],
  ['new-chat', '/', page => page.getByRole('button', {name: 'New chat'}).click()],
  ['members', `/c/${main}`, page => page.getByRole('button', {name: 'Members'}).click()],
  ['hand-over', `/c/${main}`, async page => {
    await page.getByRole('button', {name: 'Members'}).click();
    await page.getByRole('button', {name: 'Make Ben Lindqvist the owner'}).click();
  }],
  ['clear', '/', async page => {
    await page.getByRole('button', {name: 'More'}).click();
    await page.getByRole('menuitem', {name: 'Delete all my chats'}).click();
  }],
  ['menu', `/c/${main}`, async page => {
    await page.locator('.message:not(:has(.deleted))').nth(1).focus();
    await page.keyboard.press('Enter');
  }],
  ['reply', `/c/${main}`, async page => {
    await page.locator('.message').last().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', {name: 'Reply'}).click();
    await page.getByRole('textbox', {name: 'Message', exact: true}).fill('Thank you!\n\n```python\nprint(np.trace(A))');
  }],
  ['offline', `/c/${main}`, async page => {
    await page.context().setOffline(true);
    for (const text of ['Are you still there?', 'I am on the train', 'with $\\lambda = 3$']) {
      await page.getByRole('textbox', {name: 'Message', exact: true}).fill(text);
      await page.getByRole('button', {name: 'Send'}).click();
    }
    await page.getByText('3 messages waiting').waitFor();
  }],
  ['playground', '/playground', async page => { await page.locator('.graphiql-editors').waitFor(); }],
  ['connections', '/debug/connections', async page => { // one that is open, and one that has ended
    const [open, ended] = [await page.context().newPage(), await page.context().newPage()];
    for (const other of [open, ended]) {
      await other.goto(`/c/${main}`);
      await other.locator('.message').first().waitFor();
    }
    await ended.close();
    await page.bringToFront();
    await page.locator('td', {hasText: 'client'}).first().waitFor();
  }],
  ['sign-in', '/', async page => { await page.getByRole('heading', {name: 'Sign in'}).waitFor(); }],
];

test('screenshots', async ({browser}) => {
  test.setTimeout(1_200_000); // 44 pictures, also on a machine that is busy
  const server = await Server.start({environment: {SIGN_IN_URL: 'https://school.example/authorize?state={state}'}});
  const main = await fill(server);
  for (const width of [1280, 390]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const [name, path, act] of views(main)) {
        if (only.length && !only.includes(name)) continue;
        const context = await browser.newContext({
          baseURL: server.url, colorScheme, locale: 'en-GB', viewport: {width, height: width === 390 ? 844 : 900},
          hasTouch: width === 390, isMobile: width === 390, reducedMotion: 'reduce',
        });
        if (name !== 'sign-in') await context.addInitScript(token => sessionStorage.setItem('studychat.token', token), sign('ann', {scope: 'admin'}));
        const page = await context.newPage();
        page.on('console', message => console.log(name, message.text()));
        await page.goto(path);
        if (!['sign-in', 'playground', 'connections'].includes(name)) {
          await page.locator(path === '/' ? '.chat-item' : '.message').first().waitFor();
          await page.locator('.you .name', {hasText: /./}).waitFor({state: 'attached'});
        }
        await act?.(page);
        if (path.startsWith('/c/')) await page.locator('.katex').first().waitFor({state: 'attached'}); // drawn when there is time
        await page.waitForTimeout(700); // fonts
        await page.screenshot({path: `${to}/${name}-${width}-${colorScheme}.png`});
        await context.close();
      }
    }
  }
  await server.stop();
});
