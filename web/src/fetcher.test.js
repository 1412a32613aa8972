import assert from 'node:assert/strict';
import {after, before, beforeEach, test} from 'node:test';
import {createServer} from 'node:http';
import {once} from 'node:events';
import {WebSocket, WebSocketServer} from 'ws';
import {createFetcher, KEPT_EVENTS} from './fetcher.js';

// A server that speaks just enough of both protocols, by hand, so that the bytes are checked and not another library's
// idea of them. `answer` and `events` are what the test at hand wants it to say.
let http, sockets, host;
let answer; // (request, body) => [status, text]
let serve; // (socket, subscribe message) => void
let inits; // payloads of connection_init

before(async () => {
  http = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const [status, text] = answer(request, body);
    response.writeHead(status).end(text);
  });
  sockets = new WebSocketServer({server: http, path: '/graphql'});
  sockets.on('connection', socket => {
    socket.on('message', data => {
      const message = JSON.parse(data);
      if (message.type === 'connection_init') {
        inits.push(message.payload);
        socket.send('{"type": "connection_ack"}');
      }
      if (message.type === 'subscribe') serve(socket, message);
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  host = `127.0.0.1:${http.address().port}`;
});

after(() => {
  sockets.close();
  http.closeAllConnections();
  http.close();
});

beforeEach(() => {
  inits = [];
  answer = () => [200, '{"data": {"__schema": {}}}'];
  serve = () => {};
});

function fetcher(options) {
  return createFetcher({httpUrl: `http://${host}/graphql`, wsUrl: `ws://${host}/graphql`, webSocketImpl: WebSocket, ...options});
}

const subscription = {query: 'subscription Follow { chatEvents { cursor } }', operationName: 'Follow'};
const query = {query: 'query Chats { chats { edges { cursor } } }', operationName: 'Chats'};

/** Subscribes and resolves with all that was shown once `enough` says so, or the stream is over. */
function watch(observable, enough = () => false) {
  return new Promise(resolve => {
    const shown = [];
    const handle = observable.subscribe({
      next(result) {
        shown.push(result);
        if (enough(result)) handle.unsubscribe();
      },
      complete: () => resolve(shown),
      error: () => assert.fail('errors are shown, not thrown: GraphiQL would print a stack trace'),
    });
  });
}

const next = (socket, id, n) => socket.send(JSON.stringify({type: 'next', id, payload: {data: {n}}}));

test('a query is a POST with the headers of the tab', async () => {
  let seen;
  answer = (request, body) => {
    seen = {method: request.method, headers: request.headers, body: JSON.parse(body)};
    return [200, '{"data": {"chats": null}}'];
  };
  const result = await fetcher()({...query, variables: {a: 1}}, {headers: {Authorization: 'Bearer t'}});
  assert.deepEqual(result, {data: {chats: null}});
  assert.equal(seen.method, 'POST');
  assert.equal(seen.headers.authorization, 'Bearer t');
  assert.equal(seen.headers['content-type'], 'application/json');
  assert.deepEqual(seen.body, {...query, variables: {a: 1}});
});

test('headers typed in one tab serve the tabs that have none; {} ends that', async () => {
  const seen = [];
  answer = request => (seen.push(request.headers.authorization), [200, '{}']);
  const send = fetcher();
  await send(query, {headers: {Authorization: 'Bearer t'}});
  await send(query);
  await send(query, {headers: {}});
  await send(query);
  assert.deepEqual(seen, ['Bearer t', 'Bearer t', undefined, undefined]);
});

test('errors of the server are shown as they are, whatever the status', async () => {
  answer = () => [401, '{"errors": [{"message": "no token"}]}'];
  assert.deepEqual(await fetcher()(query), {errors: [{message: 'no token'}]});
});

test('an answer that is no JSON, and no answer, are said in words', async () => {
  answer = () => [502, '<h1>Bad Gateway</h1>'];
  const proxy = await fetcher()(query);
  assert.match(proxy.errors[0].message, /^\/graphql answered 502 Bad Gateway and no JSON: <h1>/);
  const down = await fetcher({httpUrl: 'http://127.0.0.1:1/graphql'})(query);
  assert.match(down.errors[0].message, /^\/graphql cannot be reached/);
});

test('the page learns why introspection failed, and when it works', async () => {
  const told = [];
  const send = fetcher({onSchema: error => told.push(error)});
  answer = () => [401, '{"errors": [{"message": "no token"}]}'];
  await send({query: '{ __schema { description } }', operationName: 'IntrospectionQuery'});
  await send(query);
  answer = () => [200, '{"data": {"__schema": {}}}'];
  await send({query: '{ __schema { description } }', operationName: 'IntrospectionQuery'});
  assert.deepEqual(told, ['no token', null]);
});

test('a subscription shows its events newest first, then that it is complete', async () => {
  serve = (socket, {id, payload}) => {
    assert.equal(payload.query, subscription.query);
    next(socket, id, 1);
    next(socket, id, 2);
    socket.send(JSON.stringify({type: 'complete', id}));
  };
  const shown = await watch(fetcher()(subscription));
  assert.deepEqual(shown[0], {subscription: 'open', events: []}, 'connected, nothing has happened yet');
  assert.deepEqual(shown.at(-1), {subscription: 'complete', events: [{data: {n: 2}}, {data: {n: 1}}]});
});

test('the token travels as the payload of connection_init, in whatever case it was typed', async () => {
  serve = (socket, {id}) => socket.send(JSON.stringify({type: 'complete', id}));
  const send = fetcher();
  await watch(send(subscription));
  await watch(send(subscription, {headers: {authorization: 'Bearer t', 'x-other': '1'}}));
  await watch(send(subscription));
  assert.deepEqual(inits, [undefined, {Authorization: 'Bearer t'}, {Authorization: 'Bearer t'}]);
});

test('stopping ends the subscription at once, though no event comes', async () => {
  let completed;
  const told = new Promise(resolve => (completed = resolve));
  serve = (socket, {id}) => {
    socket.on('message', data => JSON.parse(data).type === 'complete' && completed(id));
    next(socket, id, 1);
  };
  const shown = await watch(fetcher()(subscription), result => result.events.length === 1);
  assert.ok(await told, 'the server is told');
  assert.equal(shown.at(-1).subscription, 'stopped');
});

test('only the newest events are kept', async () => {
  serve = (socket, {id}) => {
    for (let n = 1; n <= KEPT_EVENTS + 5; n++) next(socket, id, n);
    socket.send(JSON.stringify({type: 'complete', id}));
  };
  const {events} = (await watch(fetcher()(subscription))).at(-1);
  assert.equal(events.length, KEPT_EVENTS);
  assert.equal(events[0].data.n, KEPT_EVENTS + 5);
});

test('errors and closed sockets are said in words, with the events so far, and nothing is retried', async () => {
  serve = (socket, {id}) => socket.send(JSON.stringify({type: 'error', id, payload: [{message: 'NOT_FOUND'}]}));
  const refused = (await watch(fetcher()(subscription))).at(-1);
  assert.deepEqual(refused, {subscription: 'failed', errors: [{message: 'NOT_FOUND'}], events: []});

  inits = [];
  serve = (socket, {id}) => {
    next(socket, id, 1);
    socket.close(1012, 'Service restart');
  };
  const cut = (await watch(fetcher()(subscription))).at(-1);
  assert.deepEqual(cut.errors, [{message: 'The WebSocket was closed with 1012: Service restart.'}]);
  assert.deepEqual(cut.events, [{data: {n: 1}}]);
  assert.equal(inits.length, 1);

  const down = (await watch(fetcher({wsUrl: 'ws://127.0.0.1:1/graphql'})(subscription))).at(-1);
  assert.equal(down.subscription, 'failed');
  assert.ok(down.errors[0].message);
});

test('which operation of a document runs decides the way it goes', async () => {
  const both = `${query.query} ${subscription.query}`;
  assert.equal(typeof fetcher()({query: both, operationName: 'Follow'}).subscribe, 'function');
  assert.equal(typeof fetcher()({query: both, operationName: 'Chats'}).then, 'function');
  assert.equal(typeof fetcher()({query: 'subscription {', operationName: undefined}).then, 'function', 'the server explains');
});
