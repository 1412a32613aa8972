import {getOperationAST, parse} from 'graphql';
import {createClient} from 'graphql-ws';

/** How many events of a subscription the page keeps; a playground left open must not grow without end. */
export const KEPT_EVENTS = 100;

/**
 * The function that GraphiQL calls for every operation: subscriptions go over a WebSocket, all else over HTTP POST.
 *
 * GraphiQL's headers belong to a tab. A tab whose headers are empty sends those of the last tab that had some, so that
 * a token is typed once; `{}` sends none. They live in this closure only and are gone when the page is.
 *
 * @param {string} options.httpUrl
 * @param {string} options.wsUrl
 * @param {(error: string | null) => void} [options.onSchema] told after each introspection: null, or why it failed
 * @param {typeof fetch} [options.fetch]
 * @param {unknown} [options.webSocketImpl]
 */
export function createFetcher({httpUrl, wsUrl, onSchema = () => {}, fetch = globalThis.fetch.bind(globalThis), webSocketImpl}) {
  let lastHeaders = {};
  return (params, {headers} = {}) => {
    if (headers) lastHeaders = headers;
    if (isSubscription(params)) return subscribe({wsUrl, webSocketImpl}, params, lastHeaders);
    const answer = post({httpUrl, fetch}, params, lastHeaders);
    if (params.operationName === 'IntrospectionQuery') answer.then(result => onSchema(schemaError(result)));
    return answer;
  };
}

function isSubscription({query, operationName}) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === 'subscription';
  } catch {
    return false; // a syntax error: the server says it better
  }
}

/** Never rejects: GraphiQL would print a stack trace. */
async function post({httpUrl, fetch}, params, headers) {
  const path = new URL(httpUrl).pathname;
  let response;
  let text;
  try {
    response = await fetch(httpUrl, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json;q=0.9',
        ...headers,
      },
      body: JSON.stringify(params),
    });
    text = await response.text();
  } catch (error) {
    return failure(`${path} cannot be reached: ${error.message}.`);
  }
  try {
    return JSON.parse(text);
  } catch {
    return failure(`${path} answered ${response.status} ${response.statusText} and no JSON: ${text.slice(0, 200)}`);
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
function subscribe({wsUrl, webSocketImpl}, params, headers) {
  return {
    subscribe(sink) {
      const events = [];
      let stopped = false;
      const show = (subscription, errors) => sink.next({subscription, ...(errors && {errors}), events: [...events]});
      const client = createClient({
        url: wsUrl,
        webSocketImpl,
        lazy: true,
        retryAttempts: 0,
        connectionParams: connectionParams(headers),
        on: {connected: () => show('open')},
      });
      const unsubscribe = client.subscribe(params, {
        next(result) {
          events.unshift(result);
          events.length = Math.min(events.length, KEPT_EVENTS);
          show('open');
        },
        error(error) {
          show('failed', toErrors(error));
          sink.complete();
        },
        complete() {
          show(stopped ? 'stopped' : 'complete');
          sink.complete();
        },
      });
      return {
        unsubscribe() {
          stopped = true;
          unsubscribe(); // calls complete
        },
      };
    },
  };
}

/** A browser cannot set headers on a WebSocket, so the token travels as connection_init's payload. */
function connectionParams(headers) {
  const name = Object.keys(headers).find(key => key.toLowerCase() === 'authorization');
  return name && {Authorization: headers[name]};
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

function schemaError(result) {
  if (result?.data?.__schema) return null;
  return result?.errors?.[0]?.message ?? 'the answer carries no schema.';
}

function failure(message) {
  return {errors: [{message}]};
}
