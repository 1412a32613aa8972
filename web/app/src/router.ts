import {useSyncExternalStore, type MouseEvent} from 'react';

/** Which view the address names. */
export interface Route {
  chatId?: string;
  messageId?: string;
}

const listeners = new Set<() => void>();
addEventListener('popstate', () => { for (const listener of listeners) listener(); });

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
};

/** Reads /, /c/CHAT and /c/CHAT/m/MESSAGE. */
export function readPath(path: string): Route {
  const match = /^\/c\/([^/]+)(?:\/m\/([^/]+))?\/?$/.exec(path);
  if (!match) return {};
  try {
    return {chatId: decodeURIComponent(match[1]!), ...(match[2] ? {messageId: decodeURIComponent(match[2])} : {})};
  } catch {
    return {};
  }
}

/** The address of a view. */
export function pathOf({chatId, messageId}: Route): string {
  if (!chatId) return '/';
  return `/c/${encodeURIComponent(chatId)}` + (messageId ? `/m/${encodeURIComponent(messageId)}` : '');
}

/** Goes to a view; back leads to the one before, unless this one takes its place. */
export function go(route: Route, how: 'push' | 'replace' = 'push'): void {
  const path = pathOf(route);
  if (path !== location.pathname) history[how === 'push' ? 'pushState' : 'replaceState'](null, '', path);
  for (const listener of listeners) listener();
}

/** The view that the address names now. */
export function useRoute(): Route {
  const path = useSyncExternalStore(subscribe, () => location.pathname);
  return readPath(path);
}

/** What a link to a view needs: a click goes there without loading the page again, other clicks are the browser's. */
export function link(route: Route) {
  return {
    href: pathOf(route),
    onClick: (event: MouseEvent) => {
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      go(route);
    },
  };
}
