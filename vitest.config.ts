import { defineConfig } from 'vitest/config';

const LONG = process.env['FLEET_CHAOS'] === 'long';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/system/**', 'test/chaos/**'],
          testTimeout: 30_000,
          // Some begin with a fleet that is brought up.
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          globalSetup: ['test/system/harness/announce.ts'],
          // Processes, not threads: a host ends with the process that booted it.
          pool: 'forks',
          // Booted hosts share two cores: one file at a time keeps settle times honest.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Faults by the hundred: run by `npm run chaos`, which prints what each suite counted.
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          pool: 'forks',
          // In the long form all workloads of the crash points side by side, so that a run that is cut off has had a part of each.
          maxConcurrency: LONG ? 12 : 5,
          testTimeout: LONG ? 6 * 3_600_000 : 600_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
