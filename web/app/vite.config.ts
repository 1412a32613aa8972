import {fileURLToPath} from 'node:url';
import type {Plugin} from 'vite';
import {defineConfig} from 'vitest/config';

const testing = process.env['VITEST'] !== undefined;
const ours = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// KaTeX writes its styles through element.style, which the Content-Security-Policy allows, and some as attributes, which it does not.
// A release of KaTeX in which these lines are not found fails the build.
const katexWithoutStyleAttributes: Plugin = {
  name: 'katex-without-style-attributes',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('katex/dist/katex.mjs')) return;
    const lines = /node\.setAttribute\(attr, (this\.attributes\[attr\]|value)\);/g;
    if (code.match(lines)?.length !== 4) this.error('katex.mjs is not what this build expects: see vite.config.ts');
    return {code: code.replace(lines, 'if (attr === "style") node.style.cssText = $1; else $&'), map: null};
  },
};

// Every browser that runs this page reads woff2.
const onlyWoff2: Plugin = {
  name: 'only-woff2',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('katex/dist/katex.min.css')) return;
    return {code: code.replace(/,url\([^)]*\.(?:woff|ttf)\) format\("[a-z]+"\)/g, ''), map: null};
  },
};

export default defineConfig({
  root: ours('.'),
  base: '/', // where web.go serves the files
  plugins: [katexWithoutStyleAttributes, onlyWoff2],
  resolve: {
    alias: [
      ...(testing ? [] : [{find: 'entities', replacement: ours('src/markdown/entities.ts')}]), // Node has no textarea
      {find: /^@studychat\/client$/, replacement: ours('../packages/client/src/index.ts')}, // its source: there is nothing to build first
      {find: /^@studychat\/client\/(.*)$/, replacement: ours('../packages/client/src/') + '$1.ts'},
    ],
  },
  build: {
    outDir: ours('../dist/app'),
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: {polyfill: false},
    rolldownOptions: {output: {codeSplitting: {groups: [{name: 'react', test: /node_modules\/(?:react|react-dom|scheduler)\//}]}}}, // changes seldom, so that a browser keeps it when the page changes
    license: {fileName: 'licenses.md'}, // the notices that the bundled packages ask for
  },
  test: {include: ['src/**/*.test.ts', 'debug/**/*.test.ts']},
});
