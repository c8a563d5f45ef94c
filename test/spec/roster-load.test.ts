import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../src/spec/diagnostics.ts';
import { loadRoster } from '../../src/spec/load.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-test-load-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** What is said of `name` in the test's directory, which is left out of it. */
function say(name: string): readonly string[] {
  const result = loadRoster(join(directory, name));
  return result.ok ? [] : result.error.map((d) => formatDiagnostic(d).replaceAll(`${directory}/`, ''));
}

describe('loading a roster', () => {
  it('reads a file, also through a link', () => {
    writeFileSync(join(directory, 'a.yaml'), 'version: 1\nagents: []\n');
    symlinkSync('a.yaml', join(directory, 'b.yaml'));
    expect(say('a.yaml')).toEqual([]);
    expect(say('b.yaml')).toEqual([]);
  });

  it('says that there is none: a missing roster is an error, never an empty one', () => {
    const says = ['no roster: x.yaml does not exist (give one with `-f FILE`, or copy the sample fleet.yaml)'];
    expect(say('x.yaml')).toEqual(says);
    writeFileSync(join(directory, 'file'), '');
    expect(say('file/x.yaml')).toEqual([says[0]?.replace('x.yaml', 'file/x.yaml')]);
  });

  it('says that it is a directory, or a FIFO, without waiting for a writer', () => {
    expect(say('.')[0]).toMatch(/^the roster is not a file: .* is a directory \(give the file: /);
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    expect(say('fifo')).toEqual([
      'the roster is not a file: fifo is no regular file (give the file: `-f DIRECTORY/fleet.yaml`)',
    ]);
  });

  it('says that links lead nowhere', () => {
    symlinkSync('loop.yaml', join(directory, 'loop.yaml'));
    expect(say('loop.yaml')).toEqual([
      'the roster cannot be read: loop.yaml: its links go round in a circle (see `ls -l loop.yaml`)',
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('says that it may not be read [skipped as root, who may read everything]', () => {
    writeFileSync(join(directory, 'a.yaml'), '');
    chmodSync(join(directory, 'a.yaml'), 0);
    expect(say('a.yaml')).toEqual([
      'the roster cannot be read: a.yaml: permission denied (see `ls -ld a.yaml`, and who you are with `id`)',
    ]);
  });

  it('does not read further than a roster may be long', () => {
    writeFileSync(join(directory, 'big.yaml'), '#'.repeat(2 * 1024 * 1024));
    expect(say('big.yaml')[0]).toMatch(
      /big\.yaml:1:1: the roster is too large: 1048577 bytes or more; at most 1048576/,
    );
  });
});
