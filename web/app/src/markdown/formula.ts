import katex from 'katex';
import 'katex/dist/katex.min.css';

/** Draws a formula as an element. One that KaTeX cannot read is shown as it was written. */
export function render(source: string, block: boolean): HTMLElement {
  const target = document.createElement('span');
  try {
    katex.render(source, target, {displayMode: block, throwOnError: true, strict: 'ignore', trust: false, maxSize: 20, maxExpand: 200});
  } catch {
    target.textContent = source;
    target.classList.add('wrong');
  }
  return target;
}
