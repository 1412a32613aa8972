/**
 * The browser's storage as GraphiQL sees it. What it keeps goes to localStorage, but for headers, which hold tokens. Those
 * go to sessionStorage: they survive a reload and end with the browser's tab. In localStorage they would stay on the
 * disk until somebody deletes them, and every later page of this origin could read them, also that of the computer's next
 * user.
 *
 * The open tabs are the one truth. GraphiQL also keeps the text of the editors under keys of their own, written
 * at other moments and only after an edit, and adds a tab at every start where the two differ (seen in 4.1.2).
 *
 * @param {Storage} local
 * @param {Storage} session
 */
export function createStorage(local, session) {
  const ours = () => Object.keys(local).filter(key => key.startsWith('graphiql:'));
  return {
    getItem(key) {
      if (key === TABS) return withHeaders(local.getItem(TABS), headersOf(session));
      if (key === 'graphiql:shouldPersistHeaders') return null; // the page decides that
      const field = EDITORS[key];
      const tab = field && activeTab(withHeaders(local.getItem(TABS), headersOf(session)));
      if (tab) return tab[field];
      return field === 'headers' ? null : local.getItem(key);
    },
    removeItem: key => local.removeItem(key),
    setItem(key, value) {
      if (key === 'graphiql:headers') return; // they come with the tabs
      if (key === TABS) session.setItem(HEADERS, JSON.stringify(collectHeaders(value)));
      local.setItem(key, withoutHeaders(value));
    },
    clear() {
      ours().forEach(key => local.removeItem(key));
      for (const key of Object.keys(session)) {
        if (key.startsWith('studychat:')) session.removeItem(key);
      }
    },
    get length() {
      return ours().length;
    },
  };
}

const TABS = 'graphiql:tabState';
const HEADERS = 'studychat:tabs';
const EDITORS = {'graphiql:query': 'query', 'graphiql:variables': 'variables', 'graphiql:headers': 'headers'};

function activeTab(text) {
  const state = parse(text);
  return state?.tabs?.[state.activeTabIndex];
}

/** The headers of all tabs, by the tab's id. */
function collectHeaders(text) {
  const tabs = parse(text)?.tabs;
  if (!Array.isArray(tabs)) return {};
  return Object.fromEntries(tabs.filter(({headers}) => headers).map(({id, headers}) => [id, headers]));
}

function headersOf(session) {
  return parse(session.getItem(HEADERS)) ?? {};
}

function withHeaders(text, headers) {
  const state = parse(text);
  if (!Array.isArray(state?.tabs)) return text;
  return JSON.stringify({...state, tabs: state.tabs.map(tab => ({...tab, headers: headers[tab.id] ?? null}))});
}

/** Tabs and history are JSON; queries and sizes are not, and carry no headers. */
function withoutHeaders(text) {
  const value = parse(text);
  // A tab needs the property to be there, so it becomes null. Variables are strings within, and stay as they are.
  return value === null ? text : JSON.stringify(value, (key, part) => (key === 'headers' ? null : part));
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
