import {Fragment, type ReactNode} from 'react';
import {once} from '../once.ts';

const run = /\S{400,}/;
const step = 100; // graphemes
const segments = once(() => new Intl.Segmenter(undefined, {granularity: 'grapheme'}));

/** Gives runs without a space places to break: a browser takes more than a second to find them in 16,000 characters of brackets. */
export function withBreaks(text: string): ReactNode {
  if (text.length < 400 || !run.test(text)) return text;
  return text.split(/(\S{400,})/).map((part, i) => i % 2 === 0 ? part : <Fragment key={i}>{broken(part)}</Fragment>);
}

function broken(text: string): ReactNode[] {
  const parts: ReactNode[] = [];
  let [start, count] = [0, 0];
  for (const {index} of segments().segment(text)) {
    if (count++ < step) continue;
    parts.push(text.slice(start, index), <wbr key={index} />);
    [start, count] = [index, 1];
  }
  parts.push(text.slice(start));
  return parts;
}
