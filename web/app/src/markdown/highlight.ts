import {createLowlight} from 'lowlight';
import {createElement, type ReactNode} from 'react';
import {build} from './grammars.ts';

const lowlight = createLowlight();

type Node = ReturnType<typeof lowlight.highlight>['children'][number];

/** The code with its parts marked, as React elements; undefined for an unknown language. */
export function highlight(code: string, language: string): ReactNode | undefined {
  const name = build(lowlight, language);
  return name && lowlight.highlight(name, code).children.map(draw);
}

function draw(node: Node, key: number): ReactNode {
  if (node.type === 'text') return node.value;
  if (node.type !== 'element') return null;
  const {className} = node.properties;
  return createElement('span', {key, className: Array.isArray(className) ? className.join(' ') : undefined}, node.children.map(draw as never));
}
