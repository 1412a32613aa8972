import {execFileSync} from 'node:child_process';
import {defineConfig} from '@playwright/test';

const names = ['google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser'];
const found = names.flatMap(name => {
  try {
    return [execFileSync('which', [name], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']}).trim()];
  } catch {
    return [];
  }
});

export default defineConfig({
  retries: Number(process.env['RETRIES'] ?? 0), // a test that needs one is reported as flaky
  globalSetup: './e2e/build.ts',
  testDir: 'e2e',
  testMatch: process.env['SCREENSHOTS'] ? 'screenshots.ts' : process.env['LIGHTHOUSE'] ? 'lighthouse.ts' : '*.spec.ts',
  outputDir: process.env['PLAYWRIGHT_OUTPUT'] ?? '../node_modules/.cache/playwright',
  workers: 2,
  fullyParallel: true,
  timeout: 60_000,
  expect: {timeout: 10_000},
  reporter: 'list',
  use: {
    launchOptions: {executablePath: process.env['CHROMIUM'] ?? found[0] ?? 'chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']},
    viewport: {width: 1280, height: 800},
  },
});
