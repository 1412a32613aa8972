// The first look at a chat: what moves after it was drawn, and what it costs. `make lighthouse` measures the times, on a machine that does nothing else.
import {fill} from './content.ts';
import {cost} from './cost.ts';
import {expect, messages, test} from './test.ts';

for (const [width, height] of [[1350, 940], [412, 823]] as const) {
  test(`a chat opens without a jump: ${width} px`, async ({open, server}) => {
    const chat = await fill(server);
    const page = await open('ann', '/playground', {viewport: {width, height}});
    await page.addInitScript(() => {
      const shifts: number[] = [];
      Object.assign(window, {shifts});
      new PerformanceObserver(list => {
        for (const shift of list.getEntries() as (PerformanceEntry & {value: number; sources: {node: Node | null}[]})[]) {
          const banner = shift.sources.some(({node}) => node instanceof Element && node.matches('section.chat')); // on a slow machine the page says that it connects
          if (!banner) shifts.push(shift.value);
        }
      }).observe({type: 'layout-shift', buffered: true});
    });
    const session = await page.context().newCDPSession(page);
    await cost(session);
    await page.goto(`/c/${chat}`);
    await expect(messages(page).last()).toBeVisible();
    await expect(page.locator('.katex').first()).toBeVisible();
    await page.evaluate(() => new Promise(resolve => setTimeout(resolve, 500))); // until the marks of who has read are there
    const moved = await page.evaluate(() => (window as unknown as {shifts: number[]}).shifts.reduce((sum, shift) => sum + shift, 0));
    console.log(`${width} px: layout shift ${moved.toFixed(3)}, ${(await cost(session)).cpu.toFixed(2)} s of the main thread's CPU`);
    expect(moved).toBeLessThan(0.1); // what Lighthouse calls good; with a list that is drawn before it has its place: 0.36 and 0.78
  });
}
