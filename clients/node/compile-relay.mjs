// What a bundler does with babel-plugin-relay: the graphql tags of relay.js become imports of what relay-compiler wrote.
import { readFileSync, writeFileSync } from 'node:fs'
import { transformSync } from '@babel/core'
import relay from 'babel-plugin-relay'

const source = readFileSync('relay.js', 'utf8')
const { code } = transformSync(source, {
  configFile: false, babelrc: false, filename: process.cwd() + '/relay.js',
  plugins: [[relay, { eagerEsModules: true, jsModuleFormat: 'commonjs' }]],
})
// Bundlers find a module without its suffix; Node does not.
writeFileSync('relay.js', code.replace(/(__generated__\/\w+)(\.graphql)?(?=["'])/g, '$1.graphql.js'))
process.exit()
