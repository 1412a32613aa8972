import {useEffect} from 'react';
import {useEditorContext} from '@graphiql/react';
import {collides, isDocument, readPasted} from './paste.js';

/** Makes pasted commands and JSON bodies run; paste.js says which. Ctrl-Z takes a paste back as usual. */
export function PasteHandler() {
  const {queryEditor, variableEditor, headerEditor} = useEditorContext({nonNull: true});
  useEffect(() => {
    if (!queryEditor) return undefined;
    const onBeforeChange = (editor, change) => {
      if (change.origin !== 'paste') return;
      const text = change.text.join('\n');
      const pasted = readPasted(text);
      const query = pasted?.query ?? text;
      const replaces = pasted?.whole || (isDocument(query) && collides(after(editor, change, query)));
      if (replaces) {
        const last = editor.lastLine();
        change.update({line: 0, ch: 0}, {line: last, ch: editor.getLine(last).length}, query.split('\n'));
      } else if (pasted) {
        change.update(change.from, change.to, query.split('\n'));
      }
      if (pasted?.whole) variableEditor?.setValue(pasted.variables ?? '');
      if (pasted?.headers) headerEditor?.setValue(pasted.headers);
    };
    queryEditor.on('beforeChange', onBeforeChange);
    return () => queryEditor.off('beforeChange', onBeforeChange);
  }, [queryEditor, variableEditor, headerEditor]);
  return null;
}

/** What the editor would hold with the text in place of the selection. */
function after(editor, {from, to}, text) {
  const last = editor.lastLine();
  return editor.getRange({line: 0, ch: 0}, from) + text + editor.getRange(to, {line: last, ch: editor.getLine(last).length});
}
