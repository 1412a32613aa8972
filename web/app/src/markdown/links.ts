/** The address of a link, if it is one that a message may have; else undefined. */
export function safeAddress(address: string): string | undefined {
  try {
    const url = new URL(address, location.origin);
    const named = /^[a-z][a-z0-9+.-]*:/i.test(address.trim());
    if (!named && url.origin !== location.origin) return undefined; // //other.example without a scheme
    return ['https:', 'http:', 'mailto:'].includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the address is one of this server. */
export function isOwn(address: string): boolean {
  return new URL(address).origin === location.origin;
}

/** A piece of text, with its address if it is one. */
export interface Piece {
  text: string;
  address?: string;
}

const bare = /https?:\/\/[^\s<>"'`]{1,2000}/gi;

/** Finds addresses in plain text. What ends a sentence is not a part of the address, nor is a bracket that was opened before it. */
export function findLinks(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(bare)) {
    const address = trimmed(match[0]);
    if (!safeAddress(address)) continue;
    if (match.index > end) pieces.push({text: text.slice(end, match.index)});
    pieces.push({text: address, address});
    end = match.index + address.length;
  }
  if (end < text.length) pieces.push({text: text.slice(end)});
  return pieces;
}

function trimmed(address: string): string {
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1]!;
    if (/[.,;:!?*_~\]}]/.test(last)) continue;
    if (last === ')' && count(address.slice(0, end), ')') > count(address.slice(0, end), '(')) continue;
    break;
  }
  return address.slice(0, end);
}

function count(text: string, sign: string): number {
  return text.split(sign).length - 1;
}
