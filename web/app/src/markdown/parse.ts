import {tex} from '@mdit/plugin-tex';
import MarkdownIt from 'markdown-it';
import {remember} from './remember.ts';
import type {Token} from './token.ts';

// No HTML: what a message holds of it is shown as text. Single line breaks count, as people expect in a chat.
const markdown = new MarkdownIt({html: false, linkify: false, breaks: true, typographer: false, maxNesting: 40});
markdown.use(tex as never, {delimiters: 'all', render: () => ''}); // its types are those of markdown-it 14; the tokens are used, not the renderer
// Headings by underlining surprise people who type a line of dashes below a sentence.
markdown.disable(['lheading', 'reference']);
// The renderer decides about addresses, so that a link that is not shown as one keeps its text.
markdown.validateLink = () => true;

/** The tokens of a message's text. */
export const parse = remember(text => markdown.parse(text, {}) as Token[]);
