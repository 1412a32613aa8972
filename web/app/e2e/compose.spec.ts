// Writing: input methods, line breaks, code, long and hostile texts.
import {composer, expect, messages, say, test} from './test.ts';

test('Enter that ends a composition does not send', async ({open, server}) => {
  const page = await open('ann', `/c/${await server.chat('日本語', ['ann'])}`);
  const field = composer(page);
  await field.fill('きょう');
  for (const init of [{isComposing: true, keyCode: 13}, {isComposing: false, keyCode: 229}]) {
    await field.evaluate((element, how) => element.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', code: 'Enter', bubbles: true, cancelable: true, ...how})), init);
  }
  const session = await page.context().newCDPSession(page);
  await session.send('Input.imeSetComposition', {text: 'は', selectionStart: 1, selectionEnd: 1});
  await session.send('Input.dispatchKeyEvent', {type: 'rawKeyDown', key: 'Process', code: 'Enter', windowsVirtualKeyCode: 229});
  await session.send('Input.insertText', {text: 'は'});
  await expect(field).toHaveValue('きょうは');
  await expect(messages(page)).toHaveCount(0);
  await field.press('Enter'); // the control: this one sends
  await expect(messages(page)).toHaveText(/きょうは/);
});

test('Shift+Enter breaks the line; in a block of code Enter breaks and Tab indents, and Escape lets Tab leave', async ({open, server}) => {
  const page = await open('ann', `/c/${await server.chat('Keys', ['ann'])}`);
  const field = composer(page);
  await field.pressSequentially('one');
  await field.press('Shift+Enter');
  await field.pressSequentially('```js');
  await field.press('Enter');
  await field.pressSequentially('if (a) {');
  await field.press('Enter');
  await field.press('Tab');
  await field.pressSequentially('b()');
  await field.press('Enter');
  await field.press('Shift+Tab');
  await field.pressSequentially('}');
  await expect(field).toHaveValue('one\n```js\nif (a) {\n  b()\n}');
  await expect(messages(page)).toHaveCount(0);
  await field.press('Escape');
  await field.press('Tab');
  await expect(field).not.toBeFocused();
  await field.press('Control+Enter');
  await expect(messages(page).locator('pre')).toHaveText('if (a) {\n  b()\n}');
});

test('drafts are kept per chat, and a double click sends once', async ({open, server}) => {
  const [first, second] = [await server.chat('First', ['ann']), await server.chat('Second', ['ann'])];
  const page = await open('ann', `/c/${first}`);
  await composer(page).fill('half a thought');
  await page.getByRole('link', {name: /^Second/}).click();
  await expect(composer(page)).toHaveValue('');
  await page.goto(`/c/${first}`);
  await expect(composer(page)).toHaveValue('half a thought');
  await page.getByRole('button', {name: 'Send'}).dblclick();
  await expect(messages(page)).toHaveCount(1);
  await expect(composer(page)).toHaveValue('');
  await page.reload();
  await expect(messages(page)).toHaveCount(1);
  await expect(composer(page)).toHaveValue('');
  expect(second).not.toBe(first);
});

test('a pasted megabyte is told at once', async ({open, server}) => {
  const page = await open('ann', `/c/${await server.chat('Paste', ['ann'])}`);
  const field = composer(page);
  await field.focus();
  const took = await field.evaluate(element => {
    const data = new DataTransfer();
    data.setData('text/plain', 'x'.repeat(1_048_576));
    const start = performance.now();
    element.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
    return performance.now() - start;
  });
  await expect(page.getByRole('alert').filter({hasText: '1,048,576 characters'})).toBeVisible();
  await expect(field).toHaveValue('');
  expect(took).toBeLessThan(500);
  await field.fill('y'.repeat(16_001));
  await expect(page.getByRole('alert').filter({hasText: '16,001 characters'})).toBeVisible();
  await expect(page.getByRole('button', {name: 'Send'})).toBeDisabled();
});

test('text of any script and length stays in its place', async ({open, server}) => {
  const chat = await server.chat('宽'.repeat(200), ['ann']);
  await server.send('ann', chat, 'x'.repeat(16_000));
  await server.send('ann', chat, 'מה זה `a + b` כאן?\n\nAnd this is left to right.');
  await server.send('ann', chat, `Z${'\u0301\u0323\u0330'.repeat(40)}algo 👩‍👩‍👧‍👦 👩🏽‍🚀`);
  const page = await open('ann', `/c/${chat}`, {viewport: {width: 390, height: 844}});
  await expect(messages(page).last()).toContainText('algo');
  const paragraphs = messages(page).nth(-2).locator('.prose > p');
  await expect(paragraphs.first()).toHaveCSS('direction', 'rtl');
  await expect(paragraphs.last()).toHaveCSS('direction', 'ltr');
  await expect(paragraphs.locator('code')).toHaveCSS('unicode-bidi', 'isolate');
  const wide = await page.evaluate(() => [...document.querySelectorAll('body, .messages, .message, .chat-header')].filter(element => element.scrollWidth > innerWidth || element.getBoundingClientRect().right > innerWidth + 0.5).map(element => element.className));
  expect(wide).toEqual([]);
  await page.goto('/');
  await expect(page.locator('.chat-item').first()).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
});

test('links, pictures and HTML of a message are harmless', async ({open, server}) => {
  const chat = await server.chat('Hostile', ['ann']);
  const bad = ['[a](javascript:alert(1))', '[b](data:text/html,<script>alert(1)</script>)', '<img src=x onerror=alert(1)><script>alert(1)</script>', '![cat](https://other.example/cat.png)', '[c](JaVaScRiPt:alert(1))', '[d](//other.example/d)', '<https://fine.example/>', '[e](vbscript:x)', '![x](javascript:alert(1))', '$\\href{javascript:alert(1)}{x}$'];
  await server.send('ann', chat, bad.join('\n\n'));
  const page = await open('ann', `/c/${chat}`);
  page.on('dialog', () => { throw new Error('a script of a message ran'); });
  await expect(messages(page)).toContainText('<script>alert(1)</script>');
  const links = await messages(page).locator('a').evaluateAll(all => all.map(link => link.getAttribute('href')));
  expect(links).toEqual(['https://other.example/cat.png', 'https://fine.example/']);
  expect(await messages(page).locator('.prose img, .prose script').count()).toBe(0);
});

test('a fence that never closes, and other texts of 16,000 characters, take at most a second', async ({open, server}) => {
  const chat = await server.chat('Slow', ['ann']);
  const page = await open('ann', `/c/${chat}`);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', {timeDomain: 'threadTicks'});
  const cpu = async () => (await session.send('Performance.getMetrics')).metrics.find(metric => metric.name === 'TaskDuration')!.value;
  for (const text of [`\`\`\`python\n${'x = [1, 2]\n'.repeat(1_450)}`, '[a]('.repeat(4_000), '$a '.repeat(5_300), '> '.repeat(8_000), '**a'.repeat(5_300)]) {
    const before = await cpu();
    const id = await server.send('ann', chat, text);
    await expect(page.locator(`[data-id="${id}"]`)).toBeVisible();
    await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 100))));
    expect.soft(await cpu() - before, text.slice(0, 12)).toBeLessThan(1);
  }
});

test('a fence in a message is coloured, and what one says is drawn', async ({open, server}) => {
  const page = await open('ann', `/c/${await server.chat('Markdown', ['ann'])}`);
  await say(page, 'a *b* **c** ~~d~~ `e`');
  await expect(page.locator('.message.sent')).toHaveCount(1);
  await server.send('ann', page.url().split('/').at(-1)!, '```js\nconst a = 1\n```\n\n- one\n- two\n\n$$\\vec{v} = \\sqrt{2}$$');
  await expect(page.locator('.hljs-keyword')).toHaveText('const');
  await expect(page.locator('.katex-display .sqrt').first()).toBeVisible();
  await expect(messages(page).first().locator('.prose').locator('em, strong, s, code')).toHaveText(['b', 'c', 'd', 'e']);
});
