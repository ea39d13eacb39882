import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{services,libs,demo,test,bench}/**/*.spec.ts'],
    globalSetup: ['test/postgres/global-setup.ts'],
  },
});
