import type {Browser} from '@playwright/test';

/** Stops every page of a browser, as a computer that goes to sleep does, and returns what lets them go on. Their sockets stay open meanwhile. */
export async function freeze(browser: Browser): Promise<() => void> {
  const session = await browser.newBrowserCDPSession();
  const {processInfo} = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const renderers = processInfo.filter(({type}) => type === 'renderer').map(({id}) => id);
  if (renderers.length === 0) throw new Error('this browser has no pages');
  const tell = (signal: 'SIGSTOP' | 'SIGCONT') => {
    for (const id of renderers) {
      try {
        process.kill(id, signal);
      } catch { /* a page that was closed has ended */ }
    }
  };
  tell('SIGSTOP');
  return () => tell('SIGCONT');
}
