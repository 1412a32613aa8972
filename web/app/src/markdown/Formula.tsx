import {memo, startTransition, useEffect, useLayoutEffect, useMemo, useRef, useState} from 'react';

type Render = (source: string, block: boolean) => HTMLElement;
let render: Render | undefined; // once it is loaded

/** A formula. KaTeX is loaded with the first one; until then its source is shown. */
export const Formula = memo(function Formula({source, block}: {source: string; block: boolean}) {
  const target = useRef<HTMLElement>(null);
  const [loaded, setLoaded] = useState<Render | undefined>(() => render);
  useEffect(() => {
    if (loaded) return;
    let gone = false;
    import('./formula.ts').then(module => {
      render = module.render;
      if (!gone) startTransition(() => setLoaded(() => module.render)); // drawing is long work, and keys go before it
    }, () => {}); // the source stays
    return () => { gone = true; };
  }, [loaded]);
  const drawn = useMemo(() => loaded?.(source, block), [loaded, source, block]); // here and not in the effect, since React interrupts drawing alone
  useLayoutEffect(() => {
    if (drawn) target.current?.replaceChildren(drawn);
  }, [drawn]);
  const Tag = block ? 'div' : 'span';
  return <Tag className={block ? 'formula block' : 'formula'} dir="ltr" {...(block ? {tabIndex: 0, role: 'group'} : {})}>{
    drawn ? <span ref={target} /> : source
  }</Tag>;
});
