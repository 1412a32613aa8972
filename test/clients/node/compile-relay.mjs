// Works like a bundler with babel-plugin-relay: graphql tags become imports of relay-compiler's output. Node also needs
// the suffixes of imported modules, which bundlers do not.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { transformSync } from '@babel/core'
import relay from 'babel-plugin-relay'

for (const name of ['relay.js', 'relay-documents.js']) {
  const { code } = transformSync(readFileSync(name, 'utf8'), {
    configFile: false, babelrc: false, filename: process.cwd() + '/' + name,
    plugins: [[relay, { eagerEsModules: true, jsModuleFormat: 'commonjs' }]],
  })
  writeFileSync(name, code.replace(/(__generated__\/\w+)(\.graphql)?(?=["'])/g, '$1.graphql.js'))
}
for (const name of readdirSync('__generated__').map(name => '__generated__/' + name)) {
  writeFileSync(name, readFileSync(name, 'utf8').replace(/(from ["']\.\/\w+\.graphql)(?=["'])/g, '$1.js'))
}
process.exit()
