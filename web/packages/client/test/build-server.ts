// Builds the server once for all tests of a run.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export default function setup() {
  if (process.env.STUDYCHAT_BINARY) return
  const dir = mkdtempSync(join(tmpdir(), 'studychat-client-'))
  process.env.STUDYCHAT_BINARY = join(dir, 'studychat')
  execFileSync('go', ['build', '-o', process.env.STUDYCHAT_BINARY, '.'], { cwd: fileURLToPath(new URL('../../../..', import.meta.url)), stdio: 'inherit' })
  return () => rmSync(dir, { recursive: true, force: true })
}
