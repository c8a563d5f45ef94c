// Mutation testing of the decision and of every guard in front of a destructive effect: `npm run mutation`. It changes
// the code in small ways, one at a time, and counts which of these changes no test notices. Results: docs/mutation.md.

/** Files that stand between a plan and something that cannot be taken back: no mutant may survive here. */
const GUARDS = [
  'src/reconcile/precondition.ts',
  'src/reconcile/judge-session.ts',
  'src/reconcile/effects/guarded-kill.ts',
  'src/reconcile/effects/server-safety.ts',
  'src/reconcile/seen.ts',
];

export default {
  mutate: (process.env.MUTATE ?? ['src/diff/**/*.ts', ...GUARDS].join(',')).split(','),
  plugins: ['./scripts/mutation/runner.mjs'],
  testRunner: 'in-process',
  inProcess: {
    files: [
      'test/diff/*-rules.test.ts',
      'test/diff/plan.test.ts',
      'test/diff/adoption*.test.ts',
      'test/diff/saved-plan-*.test.ts',
      'test/reconcile/apply.test.ts',
      'test/reconcile/*-guards.test.ts',
      'test/reconcile/adopt.test.ts',
      'test/reconcile/moved-records.test.ts',
    ],
  },
  // Stryker would rewrite tsconfig.json with a compiler that TypeScript 7 no longer is; nothing here needs that.
  tsconfigFile: 'no-tsconfig-here.json',
  // Only the tests that reach a line are asked about it.
  coverageAnalysis: 'perTest',
  concurrency: Number(process.env.MUTATION_WORKERS ?? 2),
  timeoutMS: 20_000,
  reporters: ['clear-text', 'progress', 'json', 'html'],
  clearTextReporter: { allowColor: false, logTests: false },
  jsonReporter: { fileName: 'test-results/mutation.json' },
  htmlReporter: { fileName: 'test-results/mutation.html' },
  tempDirName: 'test-results/stryker',
  cleanTempDir: 'always',
  thresholds: { high: 95, low: 90, break: 90 },
};
