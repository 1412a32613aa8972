// Drives the playground in a real browser, against a real server:
//
//   node playground.mjs CHROMIUM URL TOKEN [hidden]
//
// The server requires a token. `hidden` means that it hides its schema. SCREENSHOTS=DIR stores screenshots.
import assert from 'node:assert/strict';
import {join} from 'node:path';
import {chromium} from 'playwright-core';

const [executablePath, url, token, mode] = process.argv.slice(2);
const browser = await chromium.launch({executablePath, args: ['--no-sandbox']}); // CI runs as root, where the sandbox does not work
const context = await browser.newContext({viewport: {width: 1280, height: 800}});
const page = await context.newPage();
const complaints = [];
page.on('pageerror', error => complaints.push(error.message));
page.on('console', message => message.type() === 'error' && complaints.push(message.text()));

const editor = name => page.locator(`section[aria-label="${name}"] .CodeMirror:visible`);
const write = (name, text) => editor(name).first().evaluate((element, value) => element.CodeMirror.setValue(value), text);
const read = name => editor(name).first().evaluate(element => element.CodeMirror.getValue());
const answer = () => page.locator('.graphiql-response .CodeMirror').evaluate(element => element.CodeMirror.getValue());
const tab = i => page.locator(`#graphiql-session-tab-${i}`);
const tabs = () => page.locator('.graphiql-tab').count();
const run = () => page.getByRole('button', {name: 'Execute query'}).click();
const stop = () => page.getByRole('button', {name: 'Stop query'}).click();
const notice = () => page.locator('.notice p').allTextContents().then(texts => texts.join('\n'));

/** Opens a tab without the mouse: the tabs slide when a notice appears, so a click could hit something else. */
async function open(i) {
  await tab(i).dispatchEvent('click');
  await page.locator(`.graphiql-tab-active #graphiql-session-tab-${i}`).waitFor();
}

/** Waits until the answer contains the text. */
async function answers(text) {
  try {
    await page.waitForFunction(want => document.querySelector('.graphiql-response .CodeMirror').CodeMirror.getValue().includes(want), text, {timeout: 10_000});
  } catch {
    assert.fail(`${text} is not in ${await answer()}\nnotice: ${await notice()}`);
  }
}

async function says(pattern) {
  const found = page.locator('.notice p', {hasText: pattern});
  await found.first().waitFor();
}

async function picture(name) {
  if (process.env.SCREENSHOTS) await page.screenshot({path: join(process.env.SCREENSHOTS, `${name}.png`)});
}

/** Pastes like a user: sends an event with the text to the focused element of the query editor. */
async function paste(text) {
  await editor('Query Editor').first().evaluate((element, value) => {
    const data = new DataTransfer();
    data.setData('text/plain', value);
    element.CodeMirror.focus();
    element.CodeMirror.getInputField().dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
  }, text);
}

async function load() {
  await page.goto(`${url}/playground`);
  await page.locator('.graphiql-query-editor .CodeMirror').waitFor();
}

async function documentation() {
  await page.getByRole('button', {name: 'Show Documentation Explorer'}).click();
  await page.locator('.graphiql-doc-explorer-content').getByText('Mutation', {exact: true}).waitFor();
  await picture('documentation');
  await page.getByRole('button', {name: 'Hide Documentation Explorer'}).click();
}

const chat = '0190f5fe-7c00-7a00-8000-000000000001';
const follow = `subscription Follow { chatEvents(chatId: "${chat}") { __typename cursor ... on MessageSent { message { content } } } }`;
const start = `mutation Start { createChat(input: {id: "${chat}", title: "Linear algebra"}) { chat { id title } } }`;
const send = text => `mutation Send { sendMessage(input: {chatId: "${chat}", content: "${text}"}) { message { id content } } }`;

async function refusals() {
  await write('Query Editor', 'query Chats { chats { pageInfo { hasNextPage } } }');
  await run();
  await answers('errors');
  await says(/asks for a token: type .* under Headers/);
  await picture('needs-a-token');
  await open(2);
  await write('Query Editor', follow);
  await run();
  await answers('"failed"');
  await says(/asks for a token/);
  await open(0);
  await answers('UNAUTHENTICATED'); // each tab keeps its answer
  await page.getByRole('button', {name: 'Headers'}).click();
  await write('Headers', JSON.stringify({Authorization: `Bearer ${token}`}));
  await run();
  await answers('"hasNextPage": false');
  assert.equal(await notice(), '', 'the notice disappears');
}

async function operationsByTab() {
  await open(1);
  await write('Query Editor', start);
  await run();
  await answers('Linear algebra');
  await open(2);
  await run();
  await answers('"open"');
  await open(1);
  await write('Query Editor', send('One'));
  await run();
  await answers('"One"');
  assert.ok(await tab(2).evaluate(element => element.hasAttribute('data-subscribed')), 'a tab with an open subscription is marked');
  await picture('marked');
  await open(2);
  await answers('MessageSent');
  assert.match(await answer(), /"subscription": "open"/);
  await picture('subscribed');
  await stop();
  await answers('"stopped"');
  await open(1);
  assert.match(await answer(), /"One"/, 'the answer of the other tab stays');
  await open(2);
  assert.match(await answer(), /"stopped"/);
}

async function reload() {
  const before = await tabs();
  await open(0);
  await page.waitForFunction(() => JSON.parse(localStorage['graphiql:tabState']).activeTabIndex === 0);
  for (let i = 0; i < 2; i++) {
    await page.reload();
    await page.locator('.graphiql-query-editor .CodeMirror').waitFor();
    assert.equal(await tabs(), before, 'no tab is added');
  }
  await run();
  await answers('"hasNextPage"'); // the token is still there
  const disk = await page.evaluate(() => JSON.stringify(localStorage));
  assert.ok(!disk.includes(token), 'but not on the disk');
}

async function pasting() {
  await paste(`$ curl -s ${url}/graphql -H 'Content-Type: application/json' -d '${JSON.stringify({query: send('Pasted')})}'`);
  assert.equal(await read('Query Editor'), send('Pasted'));
  await run();
  await answers('"Pasted"');
  await page.getByRole('button', {name: 'New tab'}).click();
  await paste(JSON.stringify(`{ chat(id: "${chat}") { title } }`).slice(1, -1));
  await run();
  await answers('Linear algebra');
}

/** Every pane has room on a phone. */
async function narrow() {
  await page.setViewportSize({width: 390, height: 844});
  await open(1);
  await picture('narrow');
  for (const pane of ['.graphiql-query-editor', '.graphiql-response']) {
    const {width, height} = await page.locator(pane).boundingBox();
    assert.ok(width >= 300 && height >= 150, `${pane} is ${width} by ${height}`);
  }
  await run();
  await answers('"data"');
  await page.getByRole('button', {name: 'Show Documentation Explorer'}).click();
  await picture('narrow-documentation');
  const {x, width} = await page.locator('.graphiql-doc-explorer').boundingBox();
  assert.ok(x >= 0 && width >= 250, `the documentation is ${width} wide at ${x}`);
}

try {
  await load();
  if (mode === 'hidden') {
    await says(/INTROSPECTION=off/);
    await picture('hidden');
    assert.equal((await fetch(`${url}/playground/schema.graphqls`)).status, 404);
  } else {
    await documentation();
    await picture('first');
    await refusals();
    await operationsByTab();
    await reload();
    await pasting();
    await narrow();
  }
  // This script provokes 401 and 404; the browser reports each as a loading error.
  const wrong = complaints.filter(text => !/status of (401|404)/.test(text));
  assert.deepEqual(wrong, [], 'no script failed, and the Content-Security-Policy blocked nothing');
  console.log('ok');
} finally {
  await picture('last');
  await browser.close();
}
