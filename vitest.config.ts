import { defineConfig } from 'vitest/config';
import { mutantVariable } from './test/mutants/mutant.js';
import { mutantPlugin } from './test/mutants/mutant-plugin.js';

export default defineConfig({
  plugins: [mutantPlugin(process.env[mutantVariable])],
  test: {
    include: ['{services,libs,cli,demo,test,bench}/**/*.spec.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    globalSetup: ['test/broker/global-setup.ts', 'test/postgres/global-setup.ts'],
  },
});
