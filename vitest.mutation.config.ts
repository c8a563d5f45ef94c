import { defineConfig } from 'vitest/config';

/** The suites that judge the decision and the executor without a host: what `npm run mutation` runs for each change. */
export default defineConfig({
  test: {
    include: ['test/diff/**/*.test.ts', 'test/reconcile/{apply,precondition,guards,limits}*.test.ts'],
    testTimeout: 20_000,
  },
});
