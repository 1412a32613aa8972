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

const segments = new Intl.Segmenter(undefined, {granularity: 'grapheme'});

function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/).filter(Boolean);
  const chosen = words.length > 1 ? [words[0]!, words.at(-1)!] : words;
  return chosen.map(word => segments.segment(word)[Symbol.iterator]().next().value?.segment ?? '').join('').toLocaleUpperCase();
}
