import { defineConfig } from 'vitest/config';

/** The pages in a real browser. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.browser.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    globalSetup: ['test/postgres/global-setup.ts'],
  },
});
