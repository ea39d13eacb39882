import { defineConfig } from 'vitest/config';

/** The checks that take minutes: real clients, faults. */
export default defineConfig({
  test: {
    include: ['test/**/*.long.ts'],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    globalSetup: ['test/broker/global-setup.ts', 'test/postgres/global-setup.ts'],
  },
});
