import {tex} from '@mdit/plugin-tex';
import MarkdownIt from 'markdown-it';
import type {Token} from './token.ts';

// No HTML: what a message holds of it is shown as text. Single line breaks count, as people expect in a chat.
const markdown = new MarkdownIt({html: false, linkify: false, breaks: true, typographer: false, maxNesting: 40});
markdown.use(tex as never, {delimiters: 'all', render: () => ''}); // its types are those of markdown-it 14; the tokens are used, not the renderer
// Headings by underlining surprise people who type a line of dashes below a sentence.
markdown.disable(['lheading', 'reference']);
// The renderer decides about addresses, so that a link that is not shown as one keeps its text.
markdown.validateLink = () => true;

const remembered = new Map<string, Token[]>();
const most = 300; // messages; a list draws the same few dozen again and again

/** The tokens of a message's text. */
export function parse(text: string): Token[] {
  const known = remembered.get(text);
  if (known) return known;
  const tokens = markdown.parse(text, {}) as Token[];
  if (remembered.size >= most) remembered.delete(remembered.keys().next().value as string);
  remembered.set(text, tokens);
  return tokens;
}
