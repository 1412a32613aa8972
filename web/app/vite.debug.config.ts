import {fileURLToPath} from 'node:url';
import {defineConfig} from 'vite';

const ours = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The page of the connections is a page of its own: people who chat do not load it, and it works when the chat page does not.
export default defineConfig({
  root: ours('./debug'),
  base: '/debug/connections/', // where web.go serves the files
  build: {
    outDir: ours('../dist/debug/connections'),
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: {polyfill: false},
  },
});
