// Takes the place of @graphiql/react's execution.js (vite.config.js sees to that): the same context, but with one
// operation for each tab. operations.js holds the logic; this file connects it to the editors.
import {createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore} from 'react';
import {useAutoCompleteLeafs, useEditorContext} from '@graphiql/react';
import {createOperations, operationName as nameOf} from './operations.js';

export const ExecutionContext = createContext(null);

/** Options such as `nonNull` are GraphiQL's; the context is never null below the provider. */
export const useExecutionContext = () => useContext(ExecutionContext);

export function ExecutionContextProvider({fetcher, getDefaultFieldNames, children, operationName}) {
  const {tabs, activeTabIndex, headerEditor, queryEditor, responseEditor, variableEditor} = useEditorContext({nonNull: true});
  const completeLeafs = useAutoCompleteLeafs({getDefaultFieldNames, caller: ExecutionContextProvider});
  const [operations] = useState(createOperations);
  const id = tabs[activeTabIndex]?.id;
  const {isFetching, isSubscribed, response} = useSyncExternalStore(operations.subscribe, () => operations.get(id));

  useEffect(() => operations.keep(tabs.map(tab => tab.id)), [operations, tabs]);

  // GraphiQL fills the editors anew whenever tabs are opened, moved or closed, hence `tabs`.
  useEffect(() => {
    if (responseEditor && responseEditor.getValue() !== response) responseEditor.setValue(response);
  }, [responseEditor, response, tabs, id]);

  const live = useSyncExternalStore(operations.subscribe, () => tabs.map(tab => (operations.get(tab.id).isSubscribed ? '1' : '0')).join(''));
  useEffect(() => {
    // GraphiQL has no place for a mark on a tab; the style sheet makes one of the attribute.
    tabs.forEach((_, i) => document.getElementById(`graphiql-session-tab-${i}`)?.toggleAttribute('data-subscribed', live[i] === '1'));
  }, [live, tabs]);

  const value = useMemo(() => {
    const run = () => {
      if (!queryEditor) return;
      const query = completeLeafs() || queryEditor.getValue();
      let variables, headers;
      try {
        variables = parseObject('Variables', variableEditor?.getValue());
        headers = parseObject('Headers', headerEditor?.getValue());
      } catch (error) {
        operations.show(id, error.message);
        return;
      }
      const name = operationName ?? nameOf(query, queryEditor.operationName ?? undefined);
      operations.run(id, () => fetcher({query, variables, operationName: name}, {headers}));
    };
    return {isFetching, isSubscribed, operationName: operationName ?? null, run, stop: () => operations.stop(id)};
  }, [operations, id, isFetching, isSubscribed, fetcher, operationName, completeLeafs, headerEditor, queryEditor, variableEditor]);

  return <ExecutionContext.Provider value={value}>{children}</ExecutionContext.Provider>;
}

function parseObject(name, text) {
  if (!text?.trim()) return undefined;
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} must be JSON: ${error.message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${name} must be a JSON object.`);
  return value;
}
