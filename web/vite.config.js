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

export default defineConfig({
  base: '/playground/', // where web.go serves the files
  plugins: [withoutFonts],
  resolve: {alias: {'react-style-singleton': fileURLToPath(new URL('src/no-scroll-lock.js', import.meta.url))}},
  build: {
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
