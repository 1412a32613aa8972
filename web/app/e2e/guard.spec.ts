// The controls of test.ts: each of these must fail.
import {expect, test} from './test.ts';

for (const [what, act] of Object.entries({
  'an inline style': () => { document.body.setAttribute('style', 'color: red'); },
  'an inline script': () => { const script = document.createElement('script'); script.textContent = '1'; document.body.append(script); },
  'a request to another host': () => { new Image().src = 'https://other.example/a.png'; },
  'an error in the console': () => { console.error('something'); },
  'an exception': () => { setTimeout(() => { throw new Error('something'); }); },
})) {
  test(`${what} fails a test`, async ({open}) => {
    test.fail();
    const page = await open('ann', '/');
    await expect(page.locator('.you .name')).toHaveText('Ann Okafor');
    await page.evaluate(act);
    await page.evaluate(() => new Promise(resolve => setTimeout(resolve, 50)));
  });
}
