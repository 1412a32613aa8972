// @vitest-environment happy-dom
// The package as a user gets it: packed, installed into an empty Vite project with the files of README.md, checked, built, and used.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { sign, startServer, until } from '../server.js'

const here = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'studychat-packed-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const run = (cwd: string, command: string, ...args: string[]) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
const bin = (name: string) => join(here, '../../node_modules/.bin', name)
const versions = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')).devDependencies as Record<string, string>

test('the packed package is sound, installs, builds, and chats', async () => {
  const [{ filename, files }] = JSON.parse(run(here, 'npm', 'pack', '--json', '--pack-destination', dir, '--ignore-scripts')) as [{ filename: string; files: { path: string }[] }]
  expect(files.map(f => f.path).filter(path => !path.startsWith('dist/')).sort()).toEqual(['README.md', 'package.json'])
  const tarball = join(dir, filename)
  run(here, bin('publint'), 'run', tarball, '--strict')
  run(here, bin('attw'), tarball, '--profile', 'esm-only')

  // A project as `npm create vite` would make it, with the files of README.md.
  const server = await startServer({ ALLOWED_ORIGINS: 'http://localhost:3000' })
  const app = join(dir, 'app')
  mkdirSync(join(app, 'src'), { recursive: true })
  for (const [, name, text] of readFileSync(join(here, 'README.md'), 'utf8').matchAll(/^```[a-z]+ file=(\S+)\n(.*?)^```$/gms)) writeFileSync(join(app, 'src', name!), text!)
  expect(readdirSync(join(app, 'src')).sort()).toEqual(['App.tsx', 'main.tsx', 'plain.ts', 'rules.ts', 'settings.ts', 'studychat.ts'])
  writeFileSync(join(app, 'index.html'), '<div id="root"></div><script type="module" src="/src/main.tsx"></script>')
  writeFileSync(join(app, 'package.json'), JSON.stringify({
    private: true, type: 'module',
    dependencies: { '@studychat/client': `file:${tarball}`, react: versions.react, 'react-dom': versions['react-dom'] },
    devDependencies: { '@types/react': versions['@types/react'], '@types/react-dom': versions['@types/react-dom'] },
  }))
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({
    compilerOptions: { strict: true, target: 'es2022', module: 'esnext', moduleResolution: 'bundler', jsx: 'react-jsx', lib: ['es2023', 'dom', 'dom.iterable'], types: [], noEmit: true },
    include: ['src'],
  }))
  run(app, 'npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts')
  run(app, bin('tsc'), '-p', '.') // the user's types, and the package's own without skipLibCheck
  writeFileSync(join(app, 'src/settings.ts'), `export const server = '${server.url.replace('/graphql', '')}'\nexport const getToken = async () => '${sign('ann')}'\n`)
  run(app, bin('vite'), 'build')

  const assets = join(app, 'dist/assets')
  const main = readdirSync(assets).find(name => name.startsWith('index-'))!
  expect(readdirSync(assets).some(name => name.startsWith('eventstream-'))).toBe(true) // loaded only when it is wanted
  // The page, in a browser's place.
  const { WebSocket } = await import('ws')
  Object.assign(globalThis, { WebSocket })
  document.body.innerHTML = '<div id="root"></div>'
  // As data, since Vitest would look for a file itself.
  await import(/* @vite-ignore */ `data:text/javascript;base64,${readFileSync(join(assets, main)).toString('base64')}`)
  const page = () => document.body.textContent ?? ''
  const click = (text: string) => [...document.querySelectorAll('button')].find(button => button.textContent?.startsWith(text))!.click()
  await until('the page is connected', () => page().startsWith('New chat'))
  click('New chat')
  const input = await until('the chat is open', () => document.querySelector('input'))
    .then(found => found!)
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(input, 'Hello from the page')
  input.dispatchEvent(new Event('input', { bubbles: true }))
  await until('the input has the text', () => input.value === 'Hello from the page')
  document.querySelector('form')!.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }))
  await until('the message is sent', () => page().includes('ann: Hello from the page sent'))
  const { chats } = await server.ask<{ chats: { nodes: { id: string; title: string }[] } }>('ann', '{ chats { nodes { id title } } }')
  expect(chats.nodes.map(chat => chat.title)).toEqual(['New chat'])
  expect(await server.contents('ann', chats.nodes[0]!.id)).toEqual(['Hello from the page'])
  await server.send('ann', chats.nodes[0]!.id, 'from elsewhere')
  await until('the event is shown', () => page().includes('ann: from elsewhere sent'))
})
