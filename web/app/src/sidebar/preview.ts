import {plainFormula} from './plainFormula.ts';

/** The beginning of a message in one line: without what Markdown needs to mark it. */
export function preview(text: string, most = 140): string {
  return text.slice(0, most * 3)
    .replace(/^[ \t]*(```|~~~).*$/gm, ' ')
    .replace(/^[ \t]*\|.*$/gm, ' ')
    .replace(/(\${1,2})([^$]+)\1/g, (_, __, tex: string) => plainFormula(tex))
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^[ \t]*(?:#{1,6}|>|[-*+]|\d+\.)[ \t]+/gm, '')
    .replace(/(\*\*|__|~~|`|\${1,2}|\*)(?=\S)|(?<=\S)(\*\*|__|~~|`|\${1,2}|\*)/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, most);
}
