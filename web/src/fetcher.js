import {buildSchema, getOperationAST, introspectionFromSchema, parse} from 'graphql';
import {createClient} from 'graphql-ws';
import {forClose, forStatus, forUnopened, schemaHidden} from './notices.js';

/** How many events of a subscription the page keeps; a playground left open must not grow without end. */
export const KEPT_EVENTS = 100;

/** The name of the query by which GraphiQL asks for the schema. */
export const SCHEMA_QUERY = 'PlaygroundSchema';

/** Where the headers that were sent last are kept. */
const HEADERS_KEY = 'studychat:headers';

/**
 * The function that GraphiQL calls for every operation: subscriptions go over a WebSocket, all else over HTTP POST. The
 * schema is not asked of /graphql: the server has it as a file, unless INTROSPECTION=off, so that the documentation is there
 * before a token is.
 *
 * GraphiQL's headers belong to a tab. A tab whose headers are empty sends those of the last tab that had some, so that
 * a token is typed once; `{}` sends none.
 *
 * @param {string} options.httpUrl
 * @param {string} options.wsUrl
 * @param {string} options.schemaUrl
 * @param {Storage} options.session keeps the headers while the browser's tab is open
 * @param {(text: string | null) => void} [options.onSchema] told after each attempt to read the schema: null, or why it failed
 * @param {(text: string | null) => void} [options.onNotice] told after each operation: null, or what to do about a refusal
 * @param {typeof fetch} [options.fetch]
 * @param {unknown} [options.webSocketImpl]
 */
export function createFetcher({session, onSchema = () => {}, onNotice = () => {}, fetch = globalThis.fetch.bind(globalThis), ...urls}) {
  let lastHeaders = JSON.parse(session.getItem(HEADERS_KEY) ?? '{}');
  return (params, {headers} = {}) => {
    if (params.operationName === SCHEMA_QUERY) return readSchema({...urls, fetch, onSchema});
    if (headers) {
      lastHeaders = headers;
      session.setItem(HEADERS_KEY, JSON.stringify(headers));
    }
    const edge = {...urls, fetch, onNotice, origin: new URL(urls.httpUrl).origin};
    return isSubscription(params) ? subscribe(edge, params, lastHeaders) : post(edge, params, lastHeaders);
  };
}

function isSubscription({query, operationName}) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === 'subscription';
  } catch {
    return false; // a syntax error: the server says it better
  }
}

async function readSchema({schemaUrl, fetch, onSchema}) {
  try {
    const response = await fetch(schemaUrl);
    if (response.status === 404) throw new Error(schemaHidden);
    if (!response.ok) throw new Error(`The schema could not be read: ${new URL(schemaUrl).pathname} answered ${response.status}.`);
    const data = introspectionFromSchema(buildSchema(await response.text()));
    onSchema(null);
    return {data};
  } catch (error) {
    onSchema(error.message);
    return failure(error.message);
  }
}

/** Never rejects: GraphiQL would print a stack trace. */
async function post({httpUrl, fetch, onNotice, origin}, params, headers) {
  const {status, statusText, text, error} = await send({httpUrl, fetch}, params, headers, 'application/graphql-response+json, application/json;q=0.9');
  const path = new URL(httpUrl).pathname;
  if (error) {
    onNotice(null);
    return failure(`${path} cannot be reached: ${error.message}.`);
  }
  const answer = parseJSON(text);
  onNotice(forStatus({status, message: answer?.errors?.[0]?.message, tokenSent: Boolean(authorization(headers)), origin}));
  return answer ?? failure(`${path} answered ${status} ${statusText} and no JSON: ${text.slice(0, 200)}`);
}

async function send({httpUrl, fetch}, params, headers, accept) {
  try {
    const response = await fetch(httpUrl, {
      method: 'POST',
      headers: {'content-type': 'application/json', accept, ...headers},
      body: JSON.stringify(params),
    });
    return {status: response.status, statusText: response.statusText, text: await response.text()};
  } catch (error) {
    return {error};
  }
}

/**
 * An observable for GraphiQL. GraphiQL shows the latest result alone, which hides a replay of twenty events behind the
 * last one, so each result here is the list so far, newest first, with the state of the subscription.
 *
 * One client, hence one socket, for each subscription: the token is that of the tab, and nothing is open when nothing runs.
 * No retries: graphql-ws would ask again from the same `after` and show events twice, and who looks at a playground wants
 * to see that the connection was cut.
 */
function subscribe(edge, params, headers) {
  return {
    subscribe(sink) {
      const events = [];
      let over = false;
      let opened = false;
      const show = (subscription, errors) => sink.next({subscription, ...(errors && {errors}), events: [...events]});
      const end = (subscription, errors) => {
        if (over) return; // graphql-ws says when a stopped subscription is over too, but later
        over = true;
        show(subscription, errors);
        sink.complete();
      };
      edge.onNotice(null);
      const client = createClient({
        url: edge.wsUrl,
        webSocketImpl: edge.webSocketImpl,
        lazy: true,
        retryAttempts: 0,
        connectionParams: connectionParams(headers),
        on: {
          opened: () => (opened = true),
          connected: () => over || show('open'),
        },
      });
      const unsubscribe = client.subscribe(params, {
        next(result) {
          if (over) return;
          events.unshift(result);
          events.length = Math.min(events.length, KEPT_EVENTS);
          show('open');
        },
        error(error) {
          if (!over) explain(edge, {opened, error, headers});
          end('failed', toErrors(error));
        },
        complete: () => end('complete'),
      });
      return {
        unsubscribe() {
          end('stopped');
          unsubscribe();
        },
      };
    },
  };
}

/** Says what to do about a subscription that failed. Errors of the operation itself (a list) say enough. */
async function explain(edge, {opened, error, headers}) {
  if (Array.isArray(error)) return;
  const tokenSent = Boolean(authorization(headers));
  if (opened) return edge.onNotice(forClose({code: error?.code, tokenSent}));
  const {status, text = ''} = await send(edge, {query: '{ __typename }'}, headers, 'text/event-stream');
  edge.onNotice(forUnopened({probe: {status, message: parseJSON(text)?.errors?.[0]?.message}, tokenSent, origin: edge.origin}));
}

/** A browser cannot set headers on a WebSocket, so the token travels as connection_init's payload. */
function connectionParams(headers) {
  const token = authorization(headers);
  return token && {Authorization: token};
}

function authorization(headers) {
  const name = Object.keys(headers).find(key => key.toLowerCase() === 'authorization');
  return name && headers[name];
}

/** What graphql-ws reports: the server's GraphQL errors, a close event, or an error of the socket. */
function toErrors(error) {
  if (Array.isArray(error)) return error;
  if (typeof error?.code === 'number') {
    const reason = error.reason ? `: ${error.reason}` : '';
    return [{message: `The WebSocket was closed with ${error.code}${reason}.`}];
  }
  return [{message: error?.message || 'The WebSocket could not be opened.'}];
}

function parseJSON(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function failure(message) {
  return {errors: [{message}]};
}
