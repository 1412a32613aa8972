import assert from 'node:assert/strict';
import {test} from 'node:test';
import {createOperations, operationName} from './operations.js';

/** An observable whose sink the test holds. Like the fetcher's, it says a last word when it is stopped. */
function observable() {
  const o = {
    stops: 0,
    subscribe(sink) {
      o.sink = sink;
      return {
        unsubscribe() {
          o.stops++;
          sink.next({subscription: 'stopped'});
          sink.complete();
        },
      };
    },
  };
  return o;
}

const shown = (operations, id) => JSON.parse(operations.get(id).response);

test('an answer is shown in its own tab, and the tab is idle again', async () => {
  const operations = createOperations();
  let resolve;
  const done = operations.run('a', () => new Promise(r => (resolve = r)));
  assert.deepEqual(operations.get('a'), {isFetching: true, isSubscribed: false, response: ''});
  resolve({data: 1});
  await done;
  assert.deepEqual(shown(operations, 'a'), {data: 1});
  assert.equal(operations.get('a').isFetching, false);
  assert.equal(operations.get('b').response, '');
});

test('a subscription goes on while another tab runs, and neither touches the other', async () => {
  const operations = createOperations();
  const stream = observable();
  await operations.run('a', () => stream);
  stream.sink.next({n: 1});
  await operations.run('b', () => ({data: 'b'}));
  stream.sink.next({n: 2});
  assert.deepEqual(shown(operations, 'a'), {n: 2});
  assert.deepEqual(shown(operations, 'b'), {data: 'b'});
  assert.deepEqual([operations.get('a').isSubscribed, operations.get('b').isSubscribed], [true, false]);
  assert.equal(stream.stops, 0);
});

test('stop ends the subscription of its tab alone, which says so itself', async () => {
  const operations = createOperations();
  const [one, two] = [observable(), observable()];
  await operations.run('a', () => one);
  await operations.run('b', () => two);
  two.sink.next({n: 1});
  operations.stop('a');
  assert.deepEqual(shown(operations, 'a'), {subscription: 'stopped'});
  assert.equal(operations.get('a').isSubscribed, false);
  assert.deepEqual(shown(operations, 'b'), {n: 1});
  assert.equal(operations.get('b').isSubscribed, true);
  one.sink.next({n: 9});
  assert.deepEqual(shown(operations, 'a'), {subscription: 'stopped'}, 'what comes after the end is not shown');
});

test('run stops what is subscribed: the shortcut toggles', async () => {
  const operations = createOperations();
  const stream = observable();
  await operations.run('a', () => stream);
  await operations.run('a', () => assert.fail('nothing new is started'));
  assert.equal(stream.stops, 1);
  assert.equal(operations.get('a').isSubscribed, false);
});

test('a newer operation of a tab takes the place of one that is awaited', async () => {
  const operations = createOperations();
  let late;
  const first = operations.run('a', () => new Promise(r => (late = r)));
  await operations.run('a', () => ({n: 2}));
  late({n: 1});
  await first;
  assert.deepEqual(shown(operations, 'a'), {n: 2});
  assert.equal(operations.get('a').isFetching, false);
});

test('an answer that is no longer awaited is not shown', async () => {
  const operations = createOperations();
  let late;
  const done = operations.run('a', () => new Promise(r => (late = r)));
  operations.stop('a');
  assert.equal(operations.get('a').isFetching, false);
  late({n: 1});
  await done;
  assert.match(operations.get('a').response, /No longer waiting/);
});

test('closing a tab stops what runs in it', async () => {
  const operations = createOperations();
  const stream = observable();
  await operations.run('a', () => stream);
  await operations.run('b', () => ({n: 1}));
  operations.keep(['b']);
  assert.equal(stream.stops, 1);
  assert.equal(operations.get('a').response, '');
  assert.deepEqual(shown(operations, 'b'), {n: 1});
});

test('a stream that fails or completes at once leaves the tab idle', async () => {
  const operations = createOperations();
  await operations.run('a', () => ({
    subscribe(sink) {
      sink.next({subscription: 'failed'});
      sink.complete();
      return {unsubscribe() {}};
    },
  }));
  assert.deepEqual([shown(operations, 'a'), operations.get('a').isSubscribed], [{subscription: 'failed'}, false]);
  await operations.run('a', () => Promise.reject(new Error('gone')));
  assert.deepEqual(operations.get('a'), {isFetching: false, isSubscribed: false, response: 'gone'});
});

test('listeners hear of every change, until they leave', async () => {
  const operations = createOperations();
  let heard = 0;
  const leave = operations.subscribe(() => heard++);
  await operations.run('a', () => ({}));
  assert.ok(heard > 0);
  leave();
  const before = heard;
  operations.show('a', 'x');
  assert.equal(heard, before);
});

test('the name that is sent is one of the document, whatever the editor named before', () => {
  assert.equal(operationName('query A { a } query B { b }', 'B'), 'B');
  assert.equal(operationName('query A { a }', 'Before'), 'A');
  assert.equal(operationName('{ a }', 'Before'), undefined);
  assert.equal(operationName('query A { a } query B { b }', 'Before'), undefined, 'the server asks which');
  assert.equal(operationName('query A {', 'A'), undefined);
});
