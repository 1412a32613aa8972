import {parse} from 'graphql';

/**
 * The operations of all tabs. GraphiQL keeps one operation for the whole page and stops it when another tab is opened;
 * here each tab has its own: its answer, its subscription, its stop button.
 *
 * A tab is idle, `fetching` (an answer is awaited) or `subscribed`. A tab that nobody ran anything in is idle with an
 * empty answer. Snapshots are immutable, so that React can compare them.
 */
export function createOperations() {
  const tabs = new Map(); // tab id → snapshot
  const running = new Map(); // tab id → {unsubscribe?}: the operation whose results count
  const listeners = new Set();

  const get = id => tabs.get(id) ?? idle;

  function set(id, change) {
    tabs.set(id, {...get(id), ...change});
    for (const listener of listeners) listener();
  }

  function end(id) {
    running.delete(id);
    set(id, {isFetching: false, isSubscribed: false});
  }

  /** Shows a text, such as a mistake in the variables, in place of an answer. */
  function show(id, response) {
    set(id, {response});
  }

  /**
   * Runs an operation in a tab. A subscription that is open there is stopped instead: the shortcut toggles. A newer
   * operation takes the place of one that is still awaited.
   *
   * @param {string} id the tab
   * @param {() => unknown} ask returns an answer, a promise of one, or an observable
   */
  async function run(id, ask) {
    if (get(id).isSubscribed) return stop(id);
    const operation = {};
    const current = () => running.get(id) === operation;
    running.set(id, operation);
    set(id, {isFetching: true, response: ''});
    try {
      const answer = await ask();
      if (!current()) return;
      if (typeof answer?.subscribe === 'function') return follow(id, operation, current, answer);
      show(id, toText(answer));
    } catch (error) {
      if (current()) show(id, String(error?.message ?? error));
    }
    if (current()) end(id);
  }

  function follow(id, operation, current, observable) {
    set(id, {isSubscribed: true});
    const handle = observable.subscribe({
      next: result => current() && set(id, {isFetching: false, response: toText(result)}),
      error(error) {
        if (!current()) return;
        show(id, String(error?.message ?? error));
        end(id);
      },
      complete: () => current() && end(id),
    });
    operation.unsubscribe = () => handle.unsubscribe();
    if (!current()) handle.unsubscribe(); // it ended, or was stopped, while it began
  }

  /** Stops what runs in a tab. A subscription says its last word; an answer that is still awaited is not shown any more. */
  function stop(id) {
    const operation = running.get(id);
    if (!operation) return;
    if (operation.unsubscribe) operation.unsubscribe();
    else show(id, 'No longer waiting for the answer. What was sent may have been done all the same.');
    if (running.get(id) === operation) end(id);
  }

  /** Stops and forgets what runs in tabs that are no longer there. */
  function keep(ids) {
    for (const id of [...tabs.keys()]) {
      if (ids.includes(id)) continue;
      stop(id);
      tabs.delete(id);
    }
  }

  return {
    get,
    run,
    stop,
    show,
    keep,
    /** For useSyncExternalStore. */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const idle = Object.freeze({isFetching: false, isSubscribed: false, response: ''});

/**
 * The name to send with a document. GraphiQL finds out which operation is at the cursor a moment after the last change; until
 * then it still names one of the text before, which a quick paste and run would send.
 *
 * @param {string} document
 * @param {string | undefined} wanted the operation that GraphiQL names
 */
export function operationName(document, wanted) {
  try {
    const operations = parse(document, {noLocation: true}).definitions.filter(({kind}) => kind === 'OperationDefinition');
    const names = operations.map(({name}) => name?.value);
    return names.includes(wanted) ? wanted : names.length === 1 ? names[0] : undefined;
  } catch {
    return undefined; // a syntax error: the server says it better
  }
}

function toText(result) {
  return JSON.stringify(result, null, 2);
}
