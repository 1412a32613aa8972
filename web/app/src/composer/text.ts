/** The most characters that a message holds, as the server counts them: code points. */
export const mostCharacters = 16_000;

/** More than this is not even put into the field: a text of a megabyte would make every key slow. */
export const mostPasted = 64_000;

/** How many code points a text has. */
export function lengthOf(text: string): number {
  let surrogates = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00) surrogates++;
  }
  return text.length - surrogates;
}

/** Whether a position is inside a block of code that is still open. */
export function inCode(text: string, position: number): boolean {
  let fence = '';
  for (const line of text.slice(0, position).split('\n')) {
    const mark = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (!mark) continue;
    if (fence === '') fence = mark[1]!;
    else if (mark[1]!.startsWith(fence) && mark[2]!.trim() === '') fence = '';
  }
  return fence !== '';
}

/** The white space at the beginning of the line of a position. */
export function indentOf(text: string, position: number): string {
  const start = text.lastIndexOf('\n', position - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, position))![0];
}

/** A change of a field: what takes the place of a range. */
export interface Change {
  from: number;
  to: number;
  insert: string;
}

/** Moves the lines of a selection two spaces in, or out. */
export function indent(text: string, from: number, to: number, out: boolean): Change {
  if (!out && from === to) return {from, to, insert: '  '};
  const start = text.lastIndexOf('\n', from - 1) + 1;
  const insert = text.slice(start, to).split('\n').map(line => out ? line.replace(/^( {1,2}|\t)/, '') : `  ${line}`).join('\n');
  return {from: start, to, insert};
}
