import assert from 'node:assert/strict';
import {test} from 'node:test';
import {createStorage} from './storage.js';

/** As much of localStorage as is used: items are own properties, methods are not. */
class FakeLocalStorage {
  getItem(key) {
    return this[key] ?? null;
  }
  setItem(key, value) {
    this[key] = value;
  }
  removeItem(key) {
    delete this[key];
  }
}

const secret = '{"Authorization": "Bearer secret"}';

test('no header reaches the disk, in whatever form GraphiQL stores it', () => {
  const local = new FakeLocalStorage();
  const storage = createStorage(local);
  storage.setItem('graphiql:headers', secret);
  storage.setItem('graphiql:queries', JSON.stringify({queries: [{query: '{a}', headers: secret}]}));
  storage.setItem('graphiql:tabState', JSON.stringify({tabs: [{query: '{a}', headers: secret, variables: '{"headers": 1}'}]}));
  assert.ok(!JSON.stringify(local).includes('secret'));
  assert.equal(JSON.parse(local.getItem('graphiql:tabState')).tabs[0].headers, null, 'GraphiQL refuses a tab without it');
  assert.equal(JSON.parse(local.getItem('graphiql:tabState')).tabs[0].variables, '{"headers": 1}', 'variables are the user\'s');
});

test('what is no JSON is kept as it is', () => {
  const storage = createStorage(new FakeLocalStorage());
  storage.setItem('graphiql:query', 'query { headers }');
  assert.equal(storage.getItem('graphiql:query'), 'query { headers }');
});

test('clear and length leave alone what is not ours', () => {
  const local = new FakeLocalStorage();
  local.setItem('other', '1');
  const storage = createStorage(local);
  storage.setItem('graphiql:query', 'a');
  storage.setItem('graphiql:theme', 'dark');
  assert.equal(storage.length, 2);
  storage.clear();
  assert.equal(storage.length, 0);
  assert.equal(local.getItem('other'), '1');
});
