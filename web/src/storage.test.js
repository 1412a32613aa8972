import assert from 'node:assert/strict';
import {test} from 'node:test';
import {createStorage} from './storage.js';

/** As much of Storage as is used: items are own properties, methods are not. */
class FakeStorage {
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
const tabs = [
  {id: 't1', query: '{a}', variables: '{"headers": 1}', headers: secret},
  {id: 't2', query: '{b}', variables: null, headers: null},
];

function create(local = new FakeStorage(), session = new FakeStorage()) {
  return {local, session, storage: createStorage(local, session)};
}

test('no header reaches the disk, in whatever form GraphiQL stores it', () => {
  const {local, storage} = create();
  storage.setItem('graphiql:headers', secret);
  storage.setItem('graphiql:queries', JSON.stringify({queries: [{query: '{a}', headers: secret}]}));
  storage.setItem('graphiql:tabState', JSON.stringify({activeTabIndex: 0, tabs}));
  assert.ok(!JSON.stringify(local).includes('secret'));
  const [tab] = JSON.parse(local.getItem('graphiql:tabState')).tabs;
  assert.equal(tab.headers, null, 'GraphiQL refuses a tab without it');
  assert.equal(tab.variables, '{"headers": 1}', 'variables are the user\'s');
});

test('headers survive a reload, in the tab that they belong to, and end with the browser\'s tab', () => {
  const {local, session, storage} = create();
  storage.setItem('graphiql:tabState', JSON.stringify({activeTabIndex: 0, tabs}));
  const reloaded = createStorage(local, session);
  assert.deepEqual(JSON.parse(reloaded.getItem('graphiql:tabState')).tabs.map(tab => tab.headers), [secret, null]);
  assert.equal(reloaded.getItem('graphiql:headers'), secret);
  const other = createStorage(local, new FakeStorage());
  assert.deepEqual(JSON.parse(other.getItem('graphiql:tabState')).tabs.map(tab => tab.headers), [null, null]);
  assert.equal(other.getItem('graphiql:headers'), null);
});

test('the editors start with the active tab, whatever was kept of them alone: else GraphiQL adds a tab', () => {
  for (const activeTabIndex of [0, 1]) {
    const {storage} = create();
    storage.setItem('graphiql:query', '{an older text}');
    storage.setItem('graphiql:tabState', JSON.stringify({activeTabIndex, tabs}));
    assert.equal(storage.getItem('graphiql:query'), tabs[activeTabIndex].query);
    assert.equal(storage.getItem('graphiql:variables'), tabs[activeTabIndex].variables);
    assert.equal(storage.getItem('graphiql:headers'), tabs[activeTabIndex].headers);
  }
});

test('without tabs, or with broken ones, the editors start with what was kept of them', () => {
  const {storage} = create();
  storage.setItem('graphiql:query', '{a}');
  assert.equal(storage.getItem('graphiql:query'), '{a}');
  assert.equal(storage.getItem('graphiql:tabState'), null);
  for (const broken of ['{', '[]', '{"tabs": 1}', '{"activeTabIndex": 7, "tabs": []}']) {
    storage.setItem('graphiql:tabState', broken);
    assert.equal(storage.getItem('graphiql:query'), '{a}', broken);
  }
});

test('what is not JSON is kept as it is', () => {
  const {storage} = create();
  storage.setItem('graphiql:query', 'query { headers }');
  assert.equal(storage.getItem('graphiql:query'), 'query { headers }');
});

test('clear and length leave alone what is not ours', () => {
  const {local, session, storage} = create();
  local.setItem('other', '1');
  session.setItem('other', '1');
  storage.setItem('graphiql:query', 'a');
  storage.setItem('graphiql:tabState', JSON.stringify({activeTabIndex: 0, tabs}));
  assert.equal(storage.length, 2);
  storage.clear();
  assert.equal(storage.length, 0);
  assert.equal(local.getItem('other'), '1');
  assert.deepEqual(Object.keys(session), ['other']);
});
