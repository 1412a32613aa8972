import {parse} from 'graphql';

/**
 * What people paste from a README or a terminal is seldom a bare document: it is a curl command, a JSON body, a document
 * with the escapes of a JSON text (`\"`), or one with a prompt, a Markdown fence or no-break spaces. This finds the
 * document in it.
 *
 * @param {string} text
 * @returns {{query: string, variables?: string, headers?: string, whole: boolean} | null} null: take the text as it is.
 *   `whole` says that it was a whole request, which replaces what the tab held. `variables` and `headers` are JSON.
 */
export function readPasted(text) {
  if (isDocument(text)) return null;
  const plain = withoutDecoration(text);
  const request = fromCurl(plain) ?? fromJSON(plain);
  if (request) return request;
  const query = [plain, unescape(plain)].find(isDocument);
  return query === undefined ? null : {query, whole: false};
}

/** Whether a document can run only alone, next to what else the tab holds: it or the rest has no name, or they share one. */
export function collides(document) {
  try {
    const operations = parse(document, {noLocation: true}).definitions.filter(({kind}) => kind === 'OperationDefinition');
    const names = operations.map(({name}) => name?.value);
    return operations.length > 1 && (names.includes(undefined) || new Set(names).size < names.length);
  } catch {
    return false;
  }
}

export function isDocument(text) {
  try {
    parse(text, {noLocation: true});
    return true;
  } catch {
    return false;
  }
}

function withoutDecoration(text) {
  return text
    .replace(/[\u00a0\u2007\u202f]/g, ' ') // no-break spaces, from web pages
    .replace(/[\u200b\u2060\ufeff]/g, '')
    .replace(/\r\n?/g, '\n')
    .replace(/^\s*(`{3,}|~{3,})[^\n]*\n([\s\S]*?)\n?\s*\1\s*$/, '$2')
    .replace(/^\s*[$>%]\s+/, '')
    .trim();
}

function fromJSON(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value?.query !== 'string' || !isDocument(value.query)) return null;
  const {query, variables} = value;
  return {query, ...(variables && {variables: JSON.stringify(variables, null, 2)}), whole: true};
}

function fromCurl(text) {
  if (!/^curl\s/.test(text)) return null;
  const words = shellWords(text);
  const flags = (...names) => words.flatMap((word, i) => {
    if (names.includes(word)) return [words[i + 1] ?? ''];
    const long = names.find(name => name.startsWith('--') && word.startsWith(`${name}=`));
    return long ? [word.slice(long.length + 1)] : [];
  });
  const request = flags('-d', '--data', '--data-raw', '--data-binary', '--json').map(fromJSON).find(Boolean);
  if (!request) return null;
  const token = flags('-H', '--header').map(header => /^authorization:\s*(.+)$/i.exec(header)?.[1]).find(Boolean);
  return {...request, ...(token && {headers: JSON.stringify({Authorization: token}, null, 2)})};
}

/** The words of a command as sh reads them: quotes of both kinds, backslashes, lines that go on. No substitutions. */
function shellWords(command) {
  const words = [];
  let word = null;
  for (const [part] of command.matchAll(/\\[\s\S]|'[^']*'|"(?:\\[\s\S]|[^"\\])*"|\s+|[^\s'"\\]+|['"\\]/g)) {
    if (/^\s/.test(part)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (part !== '\\\n') {
      word = (word ?? '') + unquote(part);
    }
  }
  return word === null ? words : [...words, word];
}

function unquote(part) {
  if (part.length > 1 && part[0] === "'") return part.slice(1, -1);
  if (part.length > 1 && part[0] === '"') return part.slice(1, -1).replace(/\\([$`"\\\n])/g, (_, c) => (c === '\n' ? '' : c));
  return part.length > 1 && part[0] === '\\' ? part.slice(1) : part;
}

/** A document out of the middle of a JSON text: with or without the quotes around it. */
function unescape(text) {
  const inner = /^"[\s\S]*"$/.test(text) ? text.slice(1, -1) : text;
  try {
    return JSON.parse(`"${inner.replace(/\n/g, '\\n').replace(/\t/g, '\\t')}"`);
  } catch {
    return inner;
  }
}
