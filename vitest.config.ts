import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{services,libs,demo,test,bench}/**/*.spec.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    globalSetup: ['test/broker/global-setup.ts', 'test/postgres/global-setup.ts'],
  },
});
