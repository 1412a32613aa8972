// Signing in by an identity provider: SIGN_IN_URL names it, the page goes there, and comes back with the token.
import {createServer, type Server as Provider} from 'node:http';
import type {AddressInfo} from 'node:net';
import {expect, Server, sign, test as base} from './test.ts';

/** A provider of its own page, which counts its visitors, and a server that sends people there. */
const test = base.extend<{provider: {asked: URL[]; server: Server}}>({
  allowed: /401|WebSocket|foreign request: \S+\/authorize/,
  provider: async ({}, use) => {
    const asked: URL[] = [];
    const provider: Provider = createServer((request, response) => {
      const url = new URL(request.url!, 'http://provider');
      if (url.pathname !== '/authorize') return void response.writeHead(404).end();
      asked.push(url);
      const back = (answer: Record<string, string>) => `${url.searchParams.get('redirect_uri')}#${new URLSearchParams({state: url.searchParams.get('state')!, ...answer})}`;
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><title>Provider</title><link rel="icon" href="data:,"><h1>Your school</h1>
        <a href="${back({access_token: sign('ann')}).replaceAll('&', '&amp;')}">I am Ann</a>
        <a href="${back({error: 'access_denied'}).replaceAll('&', '&amp;')}">Not me</a>`);
    });
    await new Promise<void>(resolve => provider.listen(0, '127.0.0.1', resolve));
    const {port} = provider.address() as AddressInfo;
    const server = await Server.start({environment: {SIGN_IN_URL: `http://127.0.0.1:${port}/authorize?client_id=chat&redirect_uri={redirect}&state={state}`}});
    await use({asked, server});
    await server.stop();
    provider.close();
  },
});

test('the page leads to the provider, and back to the chat with its token', async ({open, provider: {asked, server}}) => {
  const chat = await server.chat('After the sign-in', ['ann']);
  const page = await open(null, `${server.url}/c/${chat}`, {baseURL: server.url});
  await page.getByRole('button', {name: 'Continue with your school'}).click();
  await expect(page.getByRole('heading', {name: 'Your school'})).toBeVisible();
  expect([asked[0]!.searchParams.get('client_id'), asked[0]!.searchParams.get('redirect_uri')]).toEqual(['chat', `${server.url}/`]);
  await page.getByRole('link', {name: 'I am Ann'}).click();
  await expect(page.getByRole('heading', {level: 1})).toHaveText('After the sign-in');
  await expect(page).toHaveURL(`${server.url}/c/${chat}`); // without the token
  await page.reload();
  await expect(page.locator('.you .name')).toHaveText('Ann Okafor');
  await page.getByRole('button', {name: 'Sign out'}).click();
  await expect(page.getByRole('button', {name: 'Continue with your school'})).toBeVisible();
  await page.context().close();
});

test('who comes back without a token is told; a token that the page did not ask for is not taken', async ({open, provider: {server}}) => {
  const page = await open(null, `${server.url}/`, {baseURL: server.url});
  await page.getByRole('button', {name: 'Continue with your school'}).click();
  await page.getByRole('link', {name: 'Not me'}).click();
  await expect(page.getByRole('alert')).toHaveText('The sign-in did not work: access_denied');
  await expect(page).toHaveURL(`${server.url}/`);
  await page.goto('about:blank');
  await page.goto(`${server.url}/#access_token=${sign('ben')}&state=guessed`);
  await expect(page.getByRole('heading', {name: 'Sign in'})).toBeVisible();
  await expect(page).toHaveURL(`${server.url}/`);
  expect(await page.evaluate(() => sessionStorage.getItem('studychat.token'))).toBeNull();
  await page.context().close();
});

base.describe('without a provider', () => {
  base.use({allowed: /401|WebSocket/});
  base('there is the token alone', async ({open}) => {
    const page = await open(null, '/');
    await expect(page.getByLabel('Token')).toBeFocused();
    await expect(page.getByRole('button', {name: 'Continue with your school'})).toHaveCount(0);
  });
});
