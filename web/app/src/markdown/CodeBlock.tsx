import {memo, startTransition, useEffect, useMemo, useState, type ReactNode} from 'react';
import {strings} from '../strings.ts';
import {Icon} from '../ui/Icon.tsx';

type Highlight = (code: string, language: string) => ReactNode | undefined;
let highlight: Highlight | undefined; // once it is loaded
const longest = 20_000; // characters that are coloured

/** A block of code. Its colours are loaded with the first one. */
export const CodeBlock = memo(function CodeBlock({code, language}: {code: string; language: string}) {
  const text = code.replace(/\n$/, '');
  const [loaded, setLoaded] = useState<Highlight | undefined>(() => highlight);
  useEffect(() => {
    if (loaded || !language) return;
    let gone = false;
    import('./highlight.ts').then(module => {
      highlight = module.highlight;
      if (!gone) startTransition(() => setLoaded(() => module.highlight)); // colouring is long work, and keys go before it
    }, () => {}); // without colours, then
    return () => { gone = true; };
  }, [loaded, language]);
  const coloured = useMemo(() => text.length < longest && loaded?.(text, language), [text, loaded, language]);
  return (
    <figure className="code">
      <figcaption>
        <span dir="auto">{language || strings.code}</span>
        <CopyButton text={text} />
      </figcaption>
      <pre dir="ltr" tabIndex={0} role="group" aria-label={strings.codeOf(language)}><code>{coloured || text}</code></pre>
    </figure>
  );
});

function CopyButton({text}: {text: string}) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = () => navigator.clipboard?.writeText(text).then(() => setDone(true), () => {});
  return <button type="button" className="quiet" onClick={copy}><Icon name={done ? 'check' : 'copy'} />{done ? strings.copied : strings.copy}</button>;
}
