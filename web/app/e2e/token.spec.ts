// Tokens end while the page is open, asleep or closed.
import {composer, contents, expect, messages, say, sign, test, type Page} from './test.ts';

const tolerance = 30; // seconds for which the server still accepts a token that has ended, because clocks differ

const setToken = (page: Page, token: string) => page.evaluate(value => sessionStorage.setItem('studychat.token', value), token);

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', {name: 'Sign in'}).click();
}

test.describe('over night', () => {
  test.use({allowed: /401|WebSocket|net::ERR_/});

  test('a token ends while the page is closed: what waits is sent once, when the same user has signed in', async ({open, server}) => {
    const chat = await server.chat('Over night', ['ann', 'ben']);
    let page = await open(null, '/playground');
    const token = sign('ann', {seconds: 12 - tolerance}); // the server accepts it for 12 seconds
    await setToken(page, token);
    await page.goto(`/c/${chat}`);
    await say(page, 'in the evening');
    await expect(page.locator('.message.sent')).toHaveCount(1);
    await page.context().setOffline(true);
    for (let n = 1; n <= 3; n++) await say(page, `last thing, ${n}`);
    await expect(page.getByText('Offline, 3 messages waiting')).toBeVisible();
    const context = page.context();
    await page.close();
    await context.setOffline(false);
    const accepted = () => fetch(`${server.url}/graphql`, {
      method: 'POST', headers: {'content-type': 'application/json', accept: 'application/graphql-response+json', authorization: `Bearer ${token}`}, body: '{"query":"{ viewer { id } }"}',
    }).then(answer => answer.status);
    await expect.poll(accepted, {timeout: 20_000}).toBe(401);

    page = await context.newPage(); // of a browser that opens the tabs of yesterday, with what they knew
    await page.goto('/playground');
    await setToken(page, token);
    await page.goto(`/c/${chat}`);
    await expect(page.getByRole('heading', {name: 'Sign in'})).toBeVisible();
    await expect(page.getByRole('alert').filter({hasText: 'does not accept'})).toBeVisible();
    await page.route('**/graphql', async route => { // the page learns only later who this is
      if (route.request().postData()?.includes('query Viewer')) await new Promise(resolve => setTimeout(resolve, 1_500));
      await route.continue();
    });
    await signIn(page, sign('ben')); // what waits is not this user's, and what this user writes not ann's
    await composer(page).fill('good morning from ben');
    await composer(page).press('Enter');
    await expect(messages(page)).toHaveText([/in the evening/, /good morning from ben/]);
    await expect(page.locator('.message.sent')).toHaveCount(2);
    await setToken(page, token); // and back to the tab of before
    await page.reload();
    await expect(page.getByRole('heading', {name: 'Sign in'})).toBeVisible();
    await signIn(page, sign('ann'));
    await expect(page.locator('.message.sent')).toHaveCount(5, {timeout: 20_000});
    const expected = ['in the evening', 'good morning from ben', 'last thing, 1', 'last thing, 2', 'last thing, 3'];
    expect(await contents(server, 'ann', chat)).toEqual(expected);
    await page.reload();
    await expect(messages(page)).toHaveText(expected.map(text => new RegExp(text)));
    expect(await contents(server, 'ann', chat)).toEqual(expected);
  });
});

test.describe('by day', () => {
  test.use({allowed: /401|WebSocket/}); // the control ends with a refused token

  test('a token is renewed in place: the connection stays', async ({open, server}) => {
    const chat = await server.chat('Renewed', ['ann', 'ben']);
    const life = 15; // seconds for which the server accepts the token; it asks for the next one halfway
    const follow = async (renewed: boolean) => {
      const page = await open(null, '/playground');
      const ends = Date.now() + life * 1_000;
      await setToken(page, sign('ann', {seconds: life - tolerance}));
      const next = sign('ann');
      let [sockets, renewals] = [0, 0];
      page.on('websocket', socket => {
        sockets++;
        socket.on('framesent', ({payload}) => { if (String(payload).includes('"ping"') && String(payload).includes(next)) renewals++; });
      });
      await page.goto(`/c/${chat}`);
      await expect(page.locator('.you .name')).toHaveText('Ann Okafor');
      if (renewed) await setToken(page, next); // as an identity provider's script would
      return {page, sockets: () => sockets, renewals: () => renewals, afterEnd: () => Date.now() - ends};
    };
    const [stays, breaks] = await Promise.all([follow(true), follow(false)]);
    await expect.poll(stays.renewals, {timeout: 30_000}).toBeGreaterThan(0);
    await expect.poll(breaks.sockets, {timeout: 30_000}).toBeGreaterThan(1); // the control: without a new token the server ends the connection
    await expect.poll(stays.afterEnd, {timeout: 20_000}).toBeGreaterThan(500);
    await server.send('ben', chat, 'after the end');
    await expect(messages(stays.page)).toHaveText([/after the end/]);
    expect(stays.sockets()).toBe(1);
  });
});
