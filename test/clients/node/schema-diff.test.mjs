import assert from 'node:assert/strict';
import {execFileSync, spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {test} from 'node:test';
import {breakingChanges} from './schema-diff.mjs';

const releasedPath = fileURLToPath(new URL('../../../docs/schema/released.graphqls', import.meta.url));
const script = fileURLToPath(new URL('schema-diff.mjs', import.meta.url));

// A schema with one of everything that the real one has.
const base = `
type Query { chat(id: ID!, first: Int): Chat  old(a: Int): Int  node(id: ID!): Node }
type Mutation { send(input: SendInput!): Chat }
interface Node { id: ID! }
type Chat implements Node { id: ID!  title: String!  topic: String  author: ID!  members: [ID!]!  role: Role! }
type Spare { a: Int }
input SendInput { content: String!  topic: String  role: Role = OWNER }
enum Role { OWNER MEMBER }
enum ErrorCode { INTERNAL NOT_FOUND }
`;

/** Returns the schema with one change. The text must exist: a change without effect proves nothing. */
function changed(text, replacement) {
  assert.ok(base.includes(text), text);
  return base.replace(text, replacement);
}

const passes = {
  'nothing changed': base,
  'a new field': changed('type Chat implements Node {', 'type Chat implements Node { emoji: String'),
  'a new non-null field': changed('type Chat implements Node {', 'type Chat implements Node { emoji: String!'),
  'a new type that implements an interface': `${base} type Extra implements Node { id: ID! }`,
  'an interface for an existing type': changed('type Spare { a: Int }', 'type Spare implements Node { id: ID! a: Int }'),
  'a new query': changed('type Query {', 'type Query { extra(a: Int!): Int'),
  'a new optional argument': changed('old(a: Int)', 'old(a: Int, b: Int)'),
  'a new argument with a default': changed('old(a: Int)', 'old(a: Int, b: Int! = 1)'),
  'a new optional input field': changed('input SendInput {', 'input SendInput { emoji: String'),
  'a new input field with a default': changed('input SendInput {', 'input SendInput { loud: Boolean! = false'),
  'a new error code': changed('enum ErrorCode {', 'enum ErrorCode { TEAPOT'),
  'a new value of an enum that clients send and read': changed('enum Role {', 'enum Role { GUEST'),
  'a description': changed('type Spare', '"Of no use." type Spare'),
  'a deprecation': changed('old(a: Int): Int', 'old(a: Int): Int @deprecated(reason: "Use chat.")'),
  'an output field that is no longer nullable': changed('topic: String  author', 'topic: String!  author'),
  'an input field that is no longer required': changed('content: String!', 'content: String'),
};

for (const [name, schema] of Object.entries(passes)) {
  test(`passes: ${name}`, async () => assert.deepEqual(await breakingChanges(base, schema), []));
}

const keep = /Keep it with @deprecated/;
const optional = /Make it nullable or give it a default/;
const another = /add one with another name/;
const sameDefault = /Keep the default/;
const fails = {
  'a field is removed': [changed('topic: String  author', 'author'), keep],
  'a query is removed': [changed('old(a: Int): Int', ''), keep],
  'a type is removed': [changed('type Spare { a: Int }', ''), keep],
  'an argument is removed': [changed('old(a: Int)', 'old'), keep],
  'an input field is removed': [changed('topic: String  role: Role =', 'role: Role ='), keep],
  'an enum value is removed': [changed('OWNER MEMBER', 'OWNER'), keep],
  'an error code is removed': [changed('INTERNAL NOT_FOUND', 'INTERNAL'), keep],
  'an interface is dropped': [changed('Chat implements Node', 'Chat'), keep],
  'a field is renamed': [changed('title: String!', 'name: String!'), keep],
  'an output field becomes nullable': [changed('title: String!', 'title: String'), another],
  'the items of a list become nullable': [changed('members: [ID!]!', 'members: [ID]!'), another],
  'an object replaces an id': [changed('author: ID!', 'author: Spare!'), another],
  'an input field becomes required': [changed('topic: String  role: Role =', 'topic: String!  role: Role ='), another],
  'an argument becomes required': [changed('first: Int)', 'first: Int!)'), another],
  'an argument changes its type': [changed('first: Int)', 'first: String)'), another],
  'a required argument is added': [changed('old(a: Int)', 'old(a: Int, b: Int!)'), optional],
  'a required input field is added': [changed('input SendInput {', 'input SendInput { emoji: String!'), optional],
  'a default changes': [changed('= OWNER', '= MEMBER'), sameDefault],
  'a default is dropped': [changed('role: Role = OWNER', 'role: Role'), sameDefault],
  'a type becomes another kind': [changed('enum ErrorCode { INTERNAL NOT_FOUND }', 'scalar ErrorCode'), /Keep what was released/],
};

for (const [name, [schema, hint]] of Object.entries(fails)) {
  test(`fails: ${name}`, async () => {
    const found = await breakingChanges(base, schema);
    assert.ok(found.length > 0, 'the check does not find it');
    for (const {message} of found) assert.match(message, hint);
  });
}

test('the program fails, names the file, and prints how to fix the change', () => {
  execFileSync(process.execPath, [script, releasedPath, releasedPath]);
  const dir = mkdtempSync(join(tmpdir(), 'schema-diff-'));
  try {
    const current = join(dir, 'current.graphqls');
    writeFileSync(current, readFileSync(releasedPath, 'utf8').replace(/^ {2}title: String!$/m, '  title: String'));
    const {status, stderr} = spawnSync(process.execPath, [script, releasedPath, current], {encoding: 'utf8'});
    assert.equal(status, 1);
    assert.ok(stderr.startsWith(`${current}: Field '`), stderr);
    assert.match(stderr, /make release-schema/);
  } finally {
    rmSync(dir, {recursive: true});
  }
});
