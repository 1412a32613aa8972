import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {defineConfig} from 'vite';

// GraphiQL's style sheet carries Roboto and Fira Code as base64, two thirds of its size. The page uses the system's
// fonts (playground.css), so the faces go.
const withoutFonts = {
  name: 'without-fonts',
  enforce: 'pre',
  transform(code, id) {
    if (id.includes('graphiql/dist/style.css')) {
      return {code: code.replace(/@font-face\s*\{[^}]*\}/g, ''), map: null};
    }
  },
};

// GraphiQL keeps one operation for the whole page, and stops it when another tab is opened. src/execution.jsx takes the place
// of the module that does so, and two lines change. A release of GraphiQL in which they are not found fails the build.
const changes = [
  {
    file: 'graphiql/dist/GraphiQL.js', // opening a tab stops nothing
    from: 'executionContext.stop();\n      changeTab(index_1);',
    to: 'changeTab(index_1);',
  },
  {
    file: '@graphiql/react/dist/editor/context.js', // closing a tab behind the active one leaves that active
    from: 'activeTabIndex: Math.max(current_2.activeTabIndex - 1, 0)',
    to: 'activeTabIndex: index_0 > current_2.activeTabIndex ? current_2.activeTabIndex : Math.max(current_2.activeTabIndex - 1, 0)',
  },
];
const ours = path => fileURLToPath(new URL(path, import.meta.url));
const operationsByTab = {
  name: 'operations-by-tab',
  enforce: 'pre',
  resolveId(source, importer) {
    if (/\/execution\.js$/.test(source) && importer?.includes('@graphiql/react/dist')) return ours('src/execution.jsx');
  },
  transform(code, id) {
    const change = changes.find(({file}) => id.endsWith(file));
    if (!change) return;
    if (code.split(change.from).length !== 2) this.error(`${change.file} is not what this build expects: see vite.config.js`);
    return {code: code.replace(change.from, change.to), map: null};
  },
};

// The schema, as a file that web.go serves unless INTROSPECTION=off.
const schema = {
  name: 'schema',
  generateBundle() {
    this.emitFile({type: 'asset', fileName: 'schema.graphqls', source: readFileSync(ours('../schema.graphqls'), 'utf8')});
  },
};

export default defineConfig({
  base: '/playground/', // where web.go serves the files
  plugins: [withoutFonts, operationsByTab, schema],
  resolve: {alias: {'react-style-singleton': ours('src/no-scroll-lock.js')}},
  build: {
    outDir: 'dist/playground',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: false, // one script: nothing to preload, no polyfill
    chunkSizeWarningLimit: 1500,
    license: {fileName: 'licenses.md'}, // the notices that the bundled packages ask for
    rolldownOptions: {
      // One script instead of 25 CodeMirror modes that are all loaded at once anyway.
      output: {codeSplitting: false},
      onLog(level, log, handler) {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handler(level, log); // "use client" means nothing here
      },
    },
  },
});
