import assert from 'node:assert/strict';
import {after, before, beforeEach, test} from 'node:test';
import {createServer} from 'node:http';
import {once} from 'node:events';
import {WebSocket, WebSocketServer} from 'ws';
import {createFetcher, KEPT_EVENTS, SCHEMA_QUERY} from './fetcher.js';

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
  const urls = {httpUrl: `http://${host}/graphql`, wsUrl: `ws://${host}/graphql`, schemaUrl: `http://${host}/schema.graphqls`};
  return createFetcher({...urls, session: fakeSession(), webSocketImpl: WebSocket, ...options});
}

function fakeSession() {
  const items = new Map();
  return {getItem: key => items.get(key) ?? null, setItem: (key, value) => items.set(key, value)};
}

/** A promise for the next notice that says something. */
function nextNotice() {
  let onNotice;
  const said = new Promise(resolve => (onNotice = text => text && resolve(text)));
  return {onNotice, said};
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

test('headers are sent again after a reload of the page', async () => {
  const seen = [];
  answer = request => (seen.push(request.headers.authorization), [200, '{}']);
  const session = fakeSession();
  await fetcher({session})(query, {headers: {Authorization: 'Bearer t'}});
  await fetcher({session})(query);
  assert.deepEqual(seen, ['Bearer t', 'Bearer t']);
});

test('the schema comes from its file, without a token', async () => {
  const told = [];
  const send = fetcher({onSchema: text => told.push(text)});
  const paths = [];
  answer = request => (paths.push(`${request.method} ${request.url}`), [200, '"Asks." type Query { a: Int }']);
  const {data} = await send({query: '{ __schema { description } }', operationName: SCHEMA_QUERY});
  assert.equal(data.__schema.types.find(({name}) => name === 'Query').description, 'Asks.');
  answer = () => [404, 'not found'];
  const hidden = await send({query: '', operationName: SCHEMA_QUERY});
  answer = () => [500, ''];
  await send({query: '', operationName: SCHEMA_QUERY});
  assert.deepEqual(paths, ['GET /schema.graphqls']);
  assert.match(hidden.errors[0].message, /INTROSPECTION=off/);
  assert.deepEqual(told[0], null);
  assert.match(told[1], /INTROSPECTION=off.*Operations run all the same/);
  assert.match(told[2], /could not be read: \/schema.graphqls answered 500/);
});

test('a refusal by HTTP says what to do, and the next answer takes that back', async () => {
  const told = [];
  const send = fetcher({onNotice: text => told.push(text)});
  answer = () => [401, '{"errors": [{"message": "This needs a token."}]}'];
  await send(query);
  await send(query, {headers: {authorization: 'Bearer old'}});
  answer = () => [403, '{"errors": [{"message": "Pages of this origin may not call."}]}'];
  await send(query);
  answer = () => [200, '{"data": {}}'];
  await send(query);
  assert.match(told[0], /asks for a token: type .*Authorization.* under Headers/);
  assert.match(told[1], /does not accept the token/);
  assert.match(told[2], /ALLOWED_ORIGINS/);
  assert.ok(told[2].includes(`http://${host}`), 'the origin to add');
  assert.equal(told[3], null);
});

test('a socket that is refused for its token says what to do', async () => {
  for (const code of [4401, 4403]) {
    const {onNotice, said} = nextNotice();
    serve = socket => socket.close(code, 'Forbidden');
    const failed = (await watch(fetcher({onNotice})(subscription))).at(-1);
    assert.equal(failed.subscription, 'failed');
    assert.match(await said, /asks for a token: type/);
  }
});

test('a socket that does not open is explained by what the server says over HTTP', async () => {
  const refusing = createServer(async (request, response) => {
    for await (const _ of request); // read it all
    const [status, text] = request.headers.accept === 'text/event-stream' ? answer(request) : [500, ''];
    response.writeHead(status).end(text);
  });
  refusing.on('upgrade', (request, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
  refusing.listen(0, '127.0.0.1');
  await once(refusing, 'listening');
  const at = `127.0.0.1:${refusing.address().port}`;
  const notice = async () => {
    const {onNotice, said} = nextNotice();
    await watch(fetcher({onNotice, httpUrl: `http://${at}/graphql`, wsUrl: `ws://${at}/graphql`})(subscription));
    return said;
  };
  answer = () => [403, '{"errors": [{"message": "This origin may not open a stream."}]}'];
  assert.match(await notice(), /refuses pages of http:.*ALLOWED_ORIGINS/);
  answer = () => [401, '{"errors": [{"message": "This needs a token."}]}'];
  assert.match(await notice(), /asks for a token/);
  answer = () => [200, ''];
  assert.match(await notice(), /WebSocket does not open.*ws: true.*ALLOWED_ORIGINS/);
  refusing.closeAllConnections();
  refusing.close();
  await once(refusing, 'close');
  assert.match(await notice(), /cannot be reached/);
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

  serve = (socket, {id}) => {
    socket.send(JSON.stringify({type: 'next', id, payload: {errors: [{message: 'NOT_FOUND'}]}}));
    socket.send(JSON.stringify({type: 'complete', id}));
  };
  const ended = (await watch(fetcher()(subscription))).at(-1);
  assert.deepEqual(ended, {subscription: 'complete', events: [{errors: [{message: 'NOT_FOUND'}]}]}, 'the same as a result and an end');

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
