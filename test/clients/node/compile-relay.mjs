// What a bundler does with babel-plugin-relay: graphql tags become imports of what relay-compiler wrote. Node also wants
// the suffixes of the modules it imports, which bundlers do without.
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
