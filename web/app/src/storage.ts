// What the page keeps in the browser. Private windows and strict settings refuse storage: then it lives as long as the page.
const fallback = new Map<string, string>();

type Kind = 'localStorage' | 'sessionStorage';

/** Reads a value, or null. */
export function recall(key: string, kind: Kind = 'localStorage'): string | null {
  try {
    return window[kind].getItem(key) ?? fallback.get(key) ?? null;
  } catch {
    return fallback.get(key) ?? null;
  }
}

/** Keeps a value; null removes it. */
export function keep(key: string, value: string | null, kind: Kind = 'localStorage'): void {
  try {
    if (value === null) window[kind].removeItem(key);
    else window[kind].setItem(key, value);
    fallback.delete(key);
  } catch {
    if (value === null) fallback.delete(key);
    else fallback.set(key, value);
  }
}

/** Removes every value whose key begins so. */
export function forget(prefix: string): void {
  for (const key of [...fallback.keys()]) if (key.startsWith(prefix)) fallback.delete(key);
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key);
  } catch { /* nothing is kept there */ }
}
