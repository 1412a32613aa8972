import {common, type createLowlight} from 'lowlight';

/** Other names of the grammars. highlight.js knows them only of grammars that it has built, and a phone needs 100 ms to build all of them. */
export const otherNames: Record<string, string> = {
  arduino: 'ino', bash: 'sh zsh', c: 'h', cpp: 'cc c++ h++ hpp hh hxx cxx', csharp: 'cs c#', diff: 'patch', go: 'golang', graphql: 'gql', ini: 'toml',
  java: 'jsp', javascript: 'js jsx mjs cjs', json: 'jsonc json5', kotlin: 'kt kts', lua: 'pluto', makefile: 'mk mak make', markdown: 'md mkdown mkd',
  objectivec: 'mm objc obj-c obj-c++ objective-c++', perl: 'pl pm', plaintext: 'text txt', python: 'py gyp ipython', 'python-repl': 'pycon',
  ruby: 'rb gemspec podspec thor irb', rust: 'rs', shell: 'console shellsession', typescript: 'ts tsx mts cts', vbnet: 'vb',
  xml: 'html xhtml rss atom xjb xsd xsl plist wsf svg', yaml: 'yml',
};

/** The languages that a language may contain. */
export const within: Record<string, string[]> = {
  javascript: ['xml', 'css', 'graphql'], markdown: ['xml'], 'php-template': ['xml', 'php'], 'python-repl': ['python'], shell: ['bash'],
  typescript: ['xml', 'css', 'graphql'], xml: ['css', 'javascript'], yaml: ['ruby'],
};

const names = new Map(Object.entries(otherNames).flatMap(([name, others]) => others.split(' ').map(other => [other, name])));

/** Builds the grammar of a language, and those that it contains, unless they are there. Returns the grammar's name, or undefined for an unknown language. */
export function build(lowlight: ReturnType<typeof createLowlight>, language: string): string | undefined {
  const asked = language.toLowerCase();
  const name = names.get(asked) ?? asked;
  if (!Object.hasOwn(common, name)) return undefined;
  if (lowlight.registered(name)) return name;
  lowlight.register(name, common[name]!);
  for (const inner of within[name] ?? []) build(lowlight, inner);
  return name;
}
