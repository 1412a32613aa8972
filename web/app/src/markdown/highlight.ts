import {common, createLowlight} from 'lowlight';
import {createElement, type ReactNode} from 'react';

const lowlight = createLowlight(common);

type Node = ReturnType<typeof lowlight.highlight>['children'][number];

/** The code with its parts marked, as React elements; undefined for an unknown language. */
export function highlight(code: string, language: string): ReactNode | undefined {
  if (!lowlight.registered(language)) return undefined;
  return lowlight.highlight(language, code).children.map(draw);
}

function draw(node: Node, key: number): ReactNode {
  if (node.type === 'text') return node.value;
  if (node.type !== 'element') return null;
  const {className} = node.properties;
  return createElement('span', {key, className: Array.isArray(className) ? className.join(' ') : undefined}, node.children.map(draw as never));
}
