import { defineConfig } from 'vitest/config'

// Apart from the other tests: it installs packages.
export default defineConfig({
  test: { include: ['test/packed/**/*.test.ts'], globalSetup: ['test/build-server.ts'], testTimeout: 180_000, hookTimeout: 180_000 },
})
