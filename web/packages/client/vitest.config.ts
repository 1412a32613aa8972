import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { alias: { '@studychat/client/rules': fileURLToPath(new URL('src/rules.ts', import.meta.url)) } },
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    exclude: ['test/packed/**'],
    globalSetup: ['test/build-server.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
