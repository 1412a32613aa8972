/**
 * localStorage for GraphiQL, without headers. They hold tokens, and GraphiQL's history writes them to disk with every
 * operation, whatever `shouldPersistHeaders` says (seen in 4.1.2). In memory they stay until the page is closed.
 *
 * @param {Storage} local
 */
export function createStorage(local) {
  const ours = () => Object.keys(local).filter(key => key.startsWith('graphiql:'));
  return {
    getItem: key => local.getItem(key),
    removeItem: key => local.removeItem(key),
    setItem(key, value) {
      if (key !== 'graphiql:headers') local.setItem(key, withoutHeaders(value));
    },
    clear: () => ours().forEach(key => local.removeItem(key)),
    get length() {
      return ours().length;
    },
  };
}

/** Tabs and history are JSON; queries and sizes are not, and carry no headers. */
function withoutHeaders(text) {
  try {
    // A tab needs the property to be there, so it becomes null. Variables are strings within, and stay as they are.
    return JSON.stringify(JSON.parse(text), (key, value) => (key === 'headers' ? null : value));
  } catch {
    return text;
  }
}
