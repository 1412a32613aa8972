// Prints what the package adds to a page, minified and compressed, without react, graphql-ws and graphql-sse; fails above the budget.
// The event streams are a file of their own, which a page loads when it uses them. Vite's helper that loads such files is Vite's, not
// ours: other bundlers have their own, and a page has it once.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const BUDGET = 16.5 * 1024
const helper = /vite\/preload-helper/
const src = fileURLToPath(new URL('../src/', import.meta.url))

async function sizeOf(code, external = [/^react/, /^graphql-/]) {
  const dir = mkdtempSync(join(tmpdir(), 'size-'))
  const entry = join(dir, 'entry.ts')
  writeFileSync(entry, code)
  const result = await build({
    configFile: false, logLevel: 'error', root: src,
    build: { write: false, target: 'es2022', modulePreload: false, rolldownOptions: { input: entry, external: [...external, helper], preserveEntrySignatures: 'strict' } },
  })
  rmSync(dir, { recursive: true })
  return [result].flat()[0].output.filter(chunk => !chunk.isDynamicEntry).reduce((sum, chunk) => sum + gzipSync(chunk.code ?? '').length, 0)
}

const all = `export * from '${src}index.ts'; export * from '${src}react.ts'`
const sizes = {
  'core and hooks': await sizeOf(all),
  'rules alone': await sizeOf(`export * from '${src}rules.ts'`),
  'core and hooks with graphql-ws': await sizeOf(all, [/^react/]),
}
for (const [what, bytes] of Object.entries(sizes)) console.log(`${what}: ${(bytes / 1024).toFixed(2)} KB gzip`)
if (sizes['core and hooks'] > BUDGET) {
  console.error(`The budget is ${BUDGET / 1024} KB.`)
  process.exit(1)
}
