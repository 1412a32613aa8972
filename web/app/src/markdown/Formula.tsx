import {memo, useEffect, useLayoutEffect, useRef, useState} from 'react';

type Render = (source: string, target: HTMLElement, block: boolean) => void;
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
      if (!gone) setLoaded(() => module.render);
    }, () => {}); // the source stays
    return () => { gone = true; };
  }, [loaded]);
  useLayoutEffect(() => {
    if (target.current && loaded) loaded(source, target.current, block);
  }, [loaded, source, block]);
  const Tag = block ? 'div' : 'span';
  return <Tag className={block ? 'formula block' : 'formula'} dir="ltr" {...(block ? {tabIndex: 0, role: 'group'} : {})}>{
    loaded ? <span ref={target} /> : source
  }</Tag>;
});
