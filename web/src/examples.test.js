import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';
import {buildSchema, coerceInputValue, getOperationAST, parse, typeFromAST, validate} from 'graphql';
import {createExamples} from './examples.js';

const schema = buildSchema(readFileSync(new URL('../../schema.graphqls', import.meta.url), 'utf8'));

test('the examples are valid against the schema, with their variables', () => {
  for (const {query, variables} of createExamples()) {
    const document = parse(query);
    assert.deepEqual(validate(schema, document), []);
    const values = JSON.parse(variables ?? '{}');
    for (const definition of getOperationAST(document).variableDefinitions) {
      const name = definition.variable.name.value;
      assert.ok(name in values, `${name} has a value`);
      coerceInputValue(values[name], typeFromAST(schema, definition.type));
      delete values[name];
    }
    assert.deepEqual(values, {}, 'no variable is left over');
  }
});

test('the examples share one chat id, another one each time', () => {
  const ids = createExamples().slice(1, 3).map(({variables}) => JSON.parse(variables).chatId);
  assert.match(ids[0], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(ids[0], ids[1]);
  assert.notEqual(JSON.parse(createExamples()[1].variables).chatId, ids[0]);
});

test('comments fit the editor', () => {
  for (const {query} of createExamples()) {
    for (const line of query.split('\n')) {
      if (line.startsWith('#')) assert.ok(line.length <= 52, line);
    }
  }
});
