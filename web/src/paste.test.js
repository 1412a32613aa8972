import assert from 'node:assert/strict';
import {test} from 'node:test';
import {collides, isDocument, readPasted} from './paste.js';

const query = 'mutation { createChat(input: {title: "Linear algebra"}) { chat { id } } }';
const escaped = query.replaceAll('"', '\\"');
const body = `{"query":"${escaped}"}`;
const withVariables = '{"query":"query ($n: Int) { chats(first: $n) { nodes { id } } }","variables":{"n":2}}';

const cases = {
  'a document is taken as it is': [query, null],
  'part of a document is taken as it is': ['lastMessage { content', null],
  'prose is taken as it is': ['Paste these into a terminal.', null],
  'a command without a body is taken as it is': ['curl -s http://127.0.0.1:8080/graphql', null],
  'what is between the quotes of a JSON body': [escaped, {query, whole: false}],
  'the same with the quotes': [`"${escaped}"`, {query, whole: false}],
  'a JSON body': [body, {query, whole: true}],
  'a JSON body with variables': [withVariables, {query: 'query ($n: Int) { chats(first: $n) { nodes { id } } }', variables: '{\n  "n": 2\n}', whole: true}],
  'JSON that is no request is taken as it is': ['{"a": 1}', null],
  'a command': [`curl -s http://h/graphql -H 'Content-Type: application/json' -d '${body}'`, {query, whole: true}],
  'a command with a prompt': [`$ curl -sN http://h/graphql -d '${body}'\n`, {query, whole: true}],
  'a command over several lines': [`curl -s http://h/graphql \\\n  -H 'Accept: text/event-stream' \\\n  --data-raw '${body}'`, {query, whole: true}],
  'a command with double quotes': [`curl http://h/graphql --data "${body.replace(/[\\"]/g, '\\$&')}"`, {query, whole: true}],
  'a command with an apostrophe in it': [`curl h -d '{"query":"{ chat(id: \\"it'\\''s\\") { id } }"}'`, {query: '{ chat(id: "it\'s") { id } }', whole: true}],
  'a command with a token': [
    `curl h -H 'authorization: Bearer abc' --data-binary='${body}'`,
    {query, whole: true, headers: '{\n  "Authorization": "Bearer abc"\n}'},
  ],
  'a fenced document': ['```graphql\n{ chats { nodes { id } } }\n```\n', {query: '{ chats { nodes { id } } }', whole: false}],
  'a fenced command': ['```sh\ncurl h -d \'' + body + '\'\n```', {query, whole: true}],
  'no-break spaces': ['{\u00a0chats { nodes\u00a0{ id } } }', {query: '{ chats { nodes { id } } }', whole: false}],
  'a zero-width space': ['\u200b{ viewer { id } }', {query: '{ viewer { id } }', whole: false}],
  'an escaped document over several lines': ['{\n  chat(id: \\"1\\") { id }\n}', {query: '{\n  chat(id: "1") { id }\n}', whole: false}],
};

for (const [name, [text, want]] of Object.entries(cases)) {
  test(name, () => {
    assert.deepEqual(readPasted(text), want);
    if (want) assert.ok(isDocument(want.query));
  });
}

test('what can run only alone', () => {
  assert.equal(collides('{ a } query B { b }'), true, 'one has no name');
  assert.equal(collides('query A { a } query A { b }'), true, 'two share a name');
  assert.equal(collides('query A { a } query B { b }'), false);
  assert.equal(collides('{ a } fragment F on T { b }'), false);
  assert.equal(collides('{ a '), false);
});

test('hostile text costs no time', () => {
  const start = performance.now();
  for (const part of ['\\', '"', "'", '`', '"\\', ' ', '{', '$ ', '```\n']) readPasted(`curl -d ${part.repeat(100_000)}`);
  assert.ok(performance.now() - start < 2000, `${performance.now() - start} ms`);
});
