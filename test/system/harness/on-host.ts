/** `describe` for tests that need a booted host: skipped with a printed reason where none can be had. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { note, readTranscript, startTranscript } from './execute.ts';
import { reapLeftovers } from './leftovers.ts';
import { whyNoHosts } from './requirements.ts';

const RESULTS = 'test-results';

/** Documents of the running test by file name: what is kept when it fails, beside the transcript. */
const kept = new Map<string, string>();
export function keepForFailure(name: string, content: string): void {
  kept.set(name, content);
}

export function describeOnHost(title: string, tests: () => void): void {
  const why = whyNoHosts();
  describe.skipIf(why !== null)(why === null ? title : `${title} (skipped: ${why})`, () => {
    beforeAll(() => {
      startTranscript();
      reapLeftovers();
    });
    beforeEach(({ task, onTestFailed }) => {
      kept.clear();
      // Kept from the first test on: what went wrong may have been done by one before.
      note(`test: ${task.name}`);
      onTestFailed(() => writeResults(`${title} ${task.name}`));
    });
    tests();
    afterAll(() => {
      kept.clear();
    });
  });
}

function writeResults(name: string): void {
  const directory = join(RESULTS, name.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 120));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'transcript.txt'), readTranscript());
  for (const [file, content] of kept) writeFileSync(join(directory, file), content);
}
