import {execFileSync} from 'node:child_process';
import {fileURLToPath} from 'node:url';

/** Builds the server that the tests run, unless STUDYCHAT_BINARY names one. */
export default function build(): void {
  if (process.env['STUDYCHAT_BINARY']) return;
  const binary = fileURLToPath(new URL('../../node_modules/.cache/studychat', import.meta.url));
  execFileSync('go', ['build', '-o', binary, '.'], {cwd: fileURLToPath(new URL('../../..', import.meta.url)), stdio: 'inherit'});
  process.env['STUDYCHAT_BINARY'] = binary;
}
