// Long chats: what the page costs in one. BIG=10000 measures the chat of 10,000 messages; fewer show the same in less time.
import {composer, expect, test} from './test.ts';

const count = Number(process.env['BIG'] ?? 1_500);

test('a long chat, scrolled to its beginning: memory is bounded, and typing stays quick', async ({open, server}) => {
  test.setTimeout(60_000 + count * 60);
  const chat = await server.chat('Very long', ['ann', 'ben']);
  for (let from = 0; from < count; from += 500) await Promise.all([0, 1].map(half => server.sendMany('ben', chat, 250, n => `Message ${from + half * 250 + n}: *some* text, and $x_{${n}}$`)));
  const page = await open('ann', `/c/${chat}`);
  await expect(page.locator('.message').last()).toBeVisible();
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', {timeDomain: 'threadTicks'});
  const metrics = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const {metrics: all} = await session.send('Performance.getMetrics');
    return Object.fromEntries(all.map(({name, value}) => [name, value])) as Record<'JSHeapUsedSize' | 'Nodes' | 'TaskDuration', number>;
  };
  const before = await metrics();
  await page.evaluate(async () => {
    const list = document.querySelector('.messages')!;
    const wait = () => new Promise(resolve => setTimeout(resolve, 30));
    list.dispatchEvent(new WheelEvent('wheel', {bubbles: true}));
    while (!document.querySelector('.beginning')) {
      list.dispatchEvent(new WheelEvent('wheel', {bubbles: true}));
      list.scrollTop = 0;
      await wait();
    }
  });
  const after = await metrics();
  const field = composer(page);
  await field.focus();
  await field.press('a');
  const idle = await metrics();
  for (let n = 0; n < 20; n++) await page.keyboard.press('b');
  await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve))));
  const typed = await metrics();
  const perKey = (typed.TaskDuration - idle.TaskDuration) / 20 * 1000;
  console.log(`${count} messages: heap ${mb(before.JSHeapUsedSize)} MB, at the beginning ${mb(after.JSHeapUsedSize)} MB; nodes ${before.Nodes}, ${after.Nodes}; ${perKey.toFixed(1)} ms of CPU per key`);
  expect(after.JSHeapUsedSize - before.JSHeapUsedSize).toBeLessThan(20 << 20);
  expect(after.Nodes).toBeLessThan(20_000);
  expect(perKey).toBeLessThan(50);
});

const mb = (bytes: number) => (bytes / (1 << 20)).toFixed(1);
