import {common, createLowlight} from 'lowlight';
import {expect, test} from 'vitest';
import {build, otherNames, within} from './grammars.ts';

interface Mode {aliases?: string[]; subLanguage?: string | string[]; [part: string]: unknown}

// What highlight.js says of a grammar, once it is built.
function definition(name: string): {aliases: string[]; inner: string[]} {
  const inner = new Set<string>();
  const seen = new Set<unknown>();
  const walk = (mode: Mode | Mode[] | undefined): void => {
    if (!mode || typeof mode !== 'object' || seen.has(mode)) return;
    seen.add(mode);
    if (Array.isArray(mode)) return mode.forEach(walk);
    for (const language of [mode.subLanguage ?? []].flat()) if (language !== name && Object.hasOwn(common, language)) inner.add(language);
    for (const part of ['contains', 'variants', 'starts']) walk(mode[part] as Mode);
  };
  let aliases: string[] = [];
  createLowlight().register(name, high => {
    const mode = common[name]!(high);
    walk(mode as unknown as Mode);
    aliases = mode.aliases ?? [];
    return mode;
  });
  return {aliases, inner: [...inner].sort()};
}

test('the tables are those of highlight.js', () => {
  for (const name of Object.keys(common)) {
    const {aliases, inner} = definition(name);
    expect((otherNames[name] ?? '').split(' ').filter(Boolean), name).toEqual(aliases);
    expect([...within[name] ?? []].sort(), name).toEqual(inner);
  }
});

test('a language is built with what it contains, and nothing else', () => {
  const lowlight = createLowlight();
  expect(build(lowlight, 'HTML')).toBe('xml');
  expect(lowlight.listLanguages().sort()).toEqual(['css', 'graphql', 'javascript', 'xml']);
  for (const unknown of ['brainfuck', 'constructor', '']) expect(build(lowlight, unknown)).toBeUndefined();
});
