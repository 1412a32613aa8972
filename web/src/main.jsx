import {useMemo, useState} from 'react';
import {createRoot} from 'react-dom/client';
import {GraphiQL} from 'graphiql';
import 'graphiql/style.css';
import './playground.css';
import {createFetcher} from './fetcher.js';
import {createExamples, newTabText} from './examples.js';
import {createStorage} from './storage.js';

const http = new URL('/graphql', window.location.href);
const ws = new URL(http);
ws.protocol = http.protocol === 'https:' ? 'wss:' : 'ws:';

const examples = createExamples();
const storage = createStorage(window.localStorage);

function Playground() {
  const [schemaError, setSchemaError] = useState(null);
  const fetcher = useMemo(
    () => createFetcher({httpUrl: http.href, wsUrl: ws.href, onSchema: setSchemaError}),
    [],
  );
  return (
    <>
      {schemaError && <SchemaNotice message={schemaError} />}
      <GraphiQL
        fetcher={fetcher}
        storage={storage}
        defaultTabs={examples}
        defaultQuery={newTabText}
        defaultEditorToolsVisibility="variables"
        shouldPersistHeaders={false}
        showPersistHeadersSettings={false}
      >
        <GraphiQL.Logo>
          <span className="wordmark">studychat</span>
        </GraphiQL.Logo>
      </GraphiQL>
    </>
  );
}

/** GraphiQL's documentation panel says only "Error fetching schema"; this says why and what to do. */
function SchemaNotice({message}) {
  return (
    <p className="notice" role="alert">
      <strong>The schema could not be read:</strong> {message}{' '}
      {message.startsWith('Introspection is off') ? (
        'Operations run all the same.'
      ) : (
        <>
          If the server asks for a token, type <code>{'{"Authorization": "Bearer …"}'}</code> under Headers, then press “Re-fetch
          GraphQL schema” at the lower left.
        </>
      )}
    </p>
  );
}

createRoot(document.getElementById('root')).render(<Playground />);
