// Lighthouse's scores of the page: on a computer and on a phone, signed out and in an open chat. It comes from web/lighthouse, which has packages of its own,
// since the other tests need none of them. See README.md.
import {expect, test} from '@playwright/test';
import {fill} from './content.ts';
import {Server, sign} from './server.ts';

const least = 95; // of 100
const categories = ['performance', 'accessibility', 'best-practices'];
const modules = new URL('../../lighthouse/node_modules/', import.meta.url);

interface Audit {score: number | null; title: string; displayValue?: string; details?: unknown}
interface Result {lhr: {categories: Record<string, {score: number}>; audits: Record<string, Audit>; runtimeError?: {message: string}}}
interface Tab {evaluateOnNewDocument(script: string): Promise<unknown>; close(): Promise<void>}

test('Lighthouse', async ({}, info) => {
  test.setTimeout(600_000);
  const {default: lighthouse, desktopConfig} = await import(new URL('lighthouse/core/index.js', modules).href);
  const {default: puppeteer} = await import(new URL('puppeteer-core/lib/esm/puppeteer/puppeteer-core.js', modules).href);
  const {executablePath, args} = info.project.use.launchOptions!;
  const server = await Server.start();
  const browser = await puppeteer.launch({executablePath, args});
  try {
    const chat = await fill(server);
    for (const [device, config] of [['desktop', desktopConfig], ['mobile', undefined]] as const) {
      for (const [view, path, token] of [['sign-in', '/', ''], ['chat', `/c/${chat}`, sign('ann')]] as const) {
        const run = async () => {
          const tab: Tab = await browser.newPage();
          if (token) await tab.evaluateOnNewDocument(`sessionStorage.setItem('studychat.token', '${token}')`);
          const {lhr: found} = await lighthouse(`${server.url}${path}`, {onlyCategories: categories, disableStorageReset: true}, config, tab) as Result;
          await tab.close();
          return found;
        };
        let lhr = await run();
        for (let tries = 1; lhr.runtimeError && tries < 5; tries++) lhr = await run(); // now and then Chromium's trace lacks its beginning
        expect(lhr.runtimeError?.message).toBeUndefined();
        const scores = Object.fromEntries(categories.map(name => [name, Math.round(lhr.categories[name]!.score * 100)]));
        const value = (name: string) => `${lhr.audits[name]!.title} ${lhr.audits[name]!.displayValue}`;
        console.log(`${view}, ${device}:`, scores, ['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time', 'cumulative-layout-shift'].map(value).join(', '));
        for (const [name, audit] of Object.entries(lhr.audits)) if (audit.score !== null && audit.score < 0.9) console.log(`  ${name}: ${audit.title} ${audit.displayValue ?? ''}`);
        for (const name of ['performance', 'accessibility']) expect.soft(scores[name], `${name}: ${view}, ${device}`).toBeGreaterThanOrEqual(least);
      }
    }
  } finally {
    await browser.close();
    await server.stop();
  }
});
