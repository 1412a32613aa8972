// 100 events a second: what the page costs then, and whether it shows what came last, in order.
import {cost} from './cost.ts';
import {composer, contents, expect, messages, test} from './test.ts';

const seconds = process.env['LONG'] ? 30 : 4;
const perSecond = 100;

test(`${perSecond} events a second for ${seconds} s: the page shows the last ones in order, and stays quick`, async ({browser, open, server}) => {
  test.setTimeout(60_000 + seconds * 4_000);
  const chat = await server.chat('Busy', ['ann', 'ben']);
  const edited = await server.send('ben', chat, 'to be edited');
  const page = await open('ann', `/c/${chat}`);
  await expect(messages(page)).toHaveCount(1);
  const session = await page.context().newCDPSession(page);
  const whole = await browser.newBrowserCDPSession();
  const renderers = async () => {
    const {processInfo} = await whole.send('SystemInfo.getProcessInfo');
    return processInfo.filter(({type}) => type === 'renderer').reduce((sum, {cpuTime}) => sum + cpuTime, 0);
  };
  const [before, cpu] = [await cost(session), await renderers()];
  const began = Date.now();

  // Each tenth of a second one request with ten changes: eight messages, an edit, and the word that somebody types.
  const mutation = `mutation(${Array.from({length: 8}, (_, n) => `$m${n}: SendMessageInput!`).join(', ')}, $e: EditMessageInput!, $t: SetTypingInput!) {
    ${Array.from({length: 8}, (_, n) => `m${n}: sendMessage(input: $m${n}) { message { id } }`).join(' ')}
    editMessage(input: $e) { message { id } }
    setTyping(input: $t) { chatId }
  }`;
  const requests: Promise<unknown>[] = [];
  const rounds = seconds * perSecond / 10;
  for (let round = 0; round < rounds; round++) {
    const sent = Object.fromEntries(Array.from({length: 8}, (_, n) => [`m${n}`, {chatId: chat, content: `Message ${round * 8 + n}: *some* text and \`code\``}]));
    requests.push(server.graphql('ben', mutation, {...sent, e: {messageId: edited, content: `edited ${round}`}, t: {chatId: chat, typing: round % 2 === 0}}));
    await new Promise(resolve => setTimeout(resolve, Math.max(0, began + (round + 1) * 100 - Date.now())));
  }
  await Promise.all(requests);
  const took = (Date.now() - began) / 1_000;
  const last = (await contents(server, 'ann', chat)).slice(-8).map(text => text.replaceAll(/[*`]/g, ''));
  await expect.poll(async () => (await messages(page).locator('.prose').allTextContents()).slice(-8)).toEqual(last);
  await expect(messages(page).last()).toBeInViewport(); // the page was at the end, and still is
  const [after, spent] = [await cost(session), await renderers() - cpu];

  const events = rounds * 10;
  console.log(`${events} events in ${took.toFixed(1)} s: ${((after.cpu - before.cpu) / events * 1_000).toFixed(2)} ms of the main thread's CPU per event, ${(100 * (after.cpu - before.cpu) / took).toFixed(0)} % of one core; ` +
    `all of the page's threads ${(100 * spent / took).toFixed(0)} %; heap ${mb(before.heap)} MB, then ${mb(after.heap)} MB; nodes ${before.nodes}, then ${after.nodes}`);
  expect((after.cpu - before.cpu) / events * 1_000).toBeLessThan(8);
  expect(after.heap - before.heap).toBeLessThan(8 << 20);
  expect(after.nodes).toBeLessThan(8_000);
  await composer(page).fill('still here');
  await composer(page).press('Enter');
  await expect(page.locator('.message.sent', {hasText: 'still here'})).toBeVisible();
});

const mb = (bytes: number) => (bytes / (1 << 20)).toFixed(1);
