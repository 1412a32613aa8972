import {useMemo, useState} from 'react';
import {createRoot} from 'react-dom/client';
import {GraphiQL} from 'graphiql';
import 'graphiql/style.css';
import './playground.css';
import {createFetcher, SCHEMA_QUERY} from './fetcher.js';
import {createExamples, newTabText} from './examples.js';
import {PasteHandler} from './paste-handler.jsx';
import {createStorage} from './storage.js';

const http = new URL('/graphql', window.location.href);
const ws = new URL(http);
ws.protocol = http.protocol === 'https:' ? 'wss:' : 'ws:';
const schema = new URL('/playground/schema.graphqls', http);

const examples = createExamples();
const storage = createStorage(window.localStorage, window.sessionStorage);

function Playground() {
  const [schemaNotice, setSchemaNotice] = useState(null);
  const [notice, setNotice] = useState(null);
  const fetcher = useMemo(
    () =>
      createFetcher({
        httpUrl: http.href,
        wsUrl: ws.href,
        schemaUrl: schema.href,
        session: window.sessionStorage,
        onSchema: setSchemaNotice,
        onNotice: setNotice,
      }),
    [],
  );
  return (
    <>
      {schemaNotice && <Notice text={schemaNotice} onClose={() => setSchemaNotice(null)} />}
      {notice && <Notice text={notice} onClose={() => setNotice(null)} />}
      <GraphiQL
        fetcher={fetcher}
        storage={storage}
        defaultTabs={examples}
        defaultQuery={newTabText}
        defaultEditorToolsVisibility="variables"
        introspectionQueryName={SCHEMA_QUERY}
        shouldPersistHeaders // storage.js says where
        showPersistHeadersSettings={false}
      >
        <GraphiQL.Logo>
          <span className="wordmark">studychat</span>
        </GraphiQL.Logo>
        <PasteHandler />
      </GraphiQL>
    </>
  );
}

function Notice({text, onClose}) {
  return (
    <div className="notice" role="alert">
      <p>{text}</p>
      <button type="button" aria-label="Close this notice" onClick={onClose}>
        ×
      </button>
    </div>
  );
}

createRoot(document.getElementById('root')).render(<Playground />);
