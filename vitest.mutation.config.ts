import { defineConfig } from 'vitest/config';

/**
 * The suites that judge the decision and the executor without a host: what `npm run mutation` runs for each change. The
 * properties are left out: they take longer than all the others together and name no single fault.
 */
export default defineConfig({
  test: {
    include: ['test/diff/**/*.test.ts', 'test/reconcile/{apply,*guards,limits}*.test.ts'],
    exclude: ['test/diff/properties.test.ts', 'test/diff/rules-documented.test.ts'],
    // Nothing here keeps state in a module, so that a change need not load them all again.
    isolate: false,
    testTimeout: 20_000,
  },
});
