// The page that tells why a stream stopped.
import AxeBuilder from '@axe-core/playwright';
import {expect, Server, sign, test} from './test.ts';

const admin = () => sign('root', {scope: 'admin'});

for (const [width, colorScheme] of [[1280, 'light'], [390, 'dark']] as const) {
  test(`who is connected, and why others are not any more: ${width} px, ${colorScheme}`, async ({open, server}) => {
    const chat = await server.chat('Watched', ['ann']);
    const ann = await open('ann', `/c/${chat}`);
    await expect(ann.getByRole('log', {name: 'Messages', exact: true})).toBeAttached();
    const page = await open(null, '/playground', {viewport: {width, height: 844}, colorScheme});
    await page.evaluate(value => { sessionStorage.setItem('studychat.token', value); }, admin());
    await page.goto('/debug/connections');
    const openRows = page.getByRole('table', {name: 'Open connections'}).locator('tbody tr').filter({hasText: 'ann'});
    await expect(openRows.first()).toContainText('WebSocket');
    await expect(openRows.filter({hasText: `chat ${chat}`}).first()).toContainText('up to date');
    await expect(page.getByRole('status')).toHaveText('Live');
    const {violations} = await new AxeBuilder({page}).analyze();
    expect(violations.filter(({impact}) => impact === 'serious' || impact === 'critical').map(({id, nodes}) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);

    await ann.close();
    await expect(page.getByRole('table', {name: 'Ended connections'}).locator('tbody tr').first()).toContainText(/client/i, {timeout: 15_000});
    await page.getByRole('searchbox', {name: 'User'}).fill('nobody');
    await page.keyboard.press('Tab');
    await expect(page.getByRole('heading', {name: /^0 open/})).toBeVisible();
    await expect(page.getByRole('heading', {name: 'None has ended yet'})).toBeVisible();
  });
}

test.describe('without the scope', () => {
  test.use({allowed: /40[13]/});
  test('the page asks for a token, and shows nothing', async ({open}) => {
    const page = await open('ann', '/debug/connections');
    await expect(page.getByRole('status')).toContainText('scope “admin”');
    await expect(page.getByRole('table')).toHaveCount(0);
    await page.getByLabel('Token').fill(`Bearer ${admin()}`);
    await page.getByRole('button', {name: 'Sign in'}).click();
    await expect(page.getByRole('status')).toHaveText('Live');
  });
});

test('the local user needs no token', async ({open}) => {
  const local = await Server.start({authentication: false});
  try {
    const page = await open(null, '/debug/connections', {baseURL: local.url});
    await expect(page.getByRole('status')).toHaveText('Live');
    await page.getByRole('button', {name: 'Pause'}).click();
    await expect(page.getByRole('status')).toHaveText('Paused');
  } finally {
    await local.stop();
  }
});
