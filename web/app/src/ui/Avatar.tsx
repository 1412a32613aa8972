import {once} from '../once.ts';

/** A person's initials on a colour that stays theirs. Pictures of other hosts are not loaded: see README.md. */
export function Avatar({id, name, size = 'normal', online}: {id: string; name: string; size?: 'small' | 'normal' | 'tiny'; online?: boolean | undefined}) {
  return (
    <span className={`avatar ${size} tone-${tone(id)}`} aria-hidden="true">
      {initials(name)}
      {online ? <i className="dot" /> : null}
    </span>
  );
}

function tone(id: string): number {
  let hash = 7;
  for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
  return hash % 8;
}

const segments = once(() => new Intl.Segmenter(undefined, {granularity: 'grapheme'}));

function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/).filter(Boolean);
  const chosen = words.length > 1 ? [words[0]!, words.at(-1)!] : words;
  return chosen.map(firstSign).join('').toLocaleUpperCase();
}

// Below U+0300 each code point is a sign of its own: the segmenter, which takes a phone 40 ms to make, is for the others.
function firstSign(word: string): string {
  if (/^[^\u0300-\uffff](?![\u0300-\uffff])/.test(word)) return word[0]!;
  return segments().segment(word)[Symbol.iterator]().next().value?.segment ?? '';
}
