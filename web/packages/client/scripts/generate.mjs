// Writes src/generated.ts: the types of the operations, and the documents as short strings. `--check` fails if it is not up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import { codegen } from '@graphql-codegen/core'
import * as operations from '@graphql-codegen/typescript-operations'
import { buildSchema, parse, print, stripIgnoredCharacters, validate, visit } from 'graphql'

const here = path => new URL(path, import.meta.url)
const schema = parse(readFileSync(here('../../../../schema.graphqls'), 'utf8'))
const document = parse(readFileSync(here('../src/operations.graphql'), 'utf8'))
const errors = validate(buildSchema(readFileSync(here('../../../../schema.graphqls'), 'utf8')), document)
if (errors.length > 0) throw errors[0]

const types = await codegen({
  filename: 'generated.ts',
  schema,
  documents: [{ location: 'operations.graphql', document }],
  config: {},
  plugins: [{
    operations: {
      scalars: { ID: 'string', DateTime: 'string' },
      strictScalars: true, skipTypename: false, nonOptionalTypename: false, enumsAsTypes: true, immutableTypes: true,
      useTypeImports: true, dedupeFragments: true, inlineFragmentTypes: 'combine',
    },
  }],
  pluginMap: { operations },
})

// Each document carries the fragments that it uses, once. `Document` remembers the types of its data and its variables.
const fragments = new Map(document.definitions.filter(d => d.kind === 'FragmentDefinition').map(d => [d.name.value, d]))
function fragmentsOf(definition, into = new Set()) {
  visit(definition, { FragmentSpread({ name: { value } }) {
    if (!into.has(value)) { into.add(value); fragmentsOf(fragments.get(value), into) }
  } })
  return into
}
const text = definition => stripIgnoredCharacters(print(definition))
const lines = [...fragments].map(([name, definition]) => `const ${name} = ${JSON.stringify(text(definition))}`)
for (const definition of document.definitions) {
  if (definition.kind !== 'OperationDefinition') continue
  const name = definition.name.value
  const kind = definition.operation[0].toUpperCase() + definition.operation.slice(1)
  const parts = [JSON.stringify(text(definition)), ...fragmentsOf(definition)].join(' + ')
  lines.push(`export const ${name} = /* @__PURE__ */ document<${name}${kind}, ${name}${kind}Variables>(${parts})`)
}
const written = `// Written by scripts/generate.mjs from schema.graphqls and operations.graphql; do not edit.

${types.trim()}

/** The text of an operation; it remembers the types of its data and its variables. */
export type Document<Data, Variables> = string & { readonly __types?: (variables: Variables) => Data }
const document = <Data, Variables>(text: string) => text as Document<Data, Variables>

${lines.join('\n')}
`
const file = here('../src/generated.ts')
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== written) {
    console.error('src/generated.ts is not what schema.graphqls and operations.graphql give: run `npm run generate`')
    process.exit(1)
  }
} else writeFileSync(file, written)
