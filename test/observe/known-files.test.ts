import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { derivedBy, type KnownFiles, knownFiles } from '../../src/observe/known-files.ts';
import { type FileRead, openDirectory, type ReadRules } from '../../src/observe/read-file.ts';
import type { Source } from '../../src/observe/state.ts';
import { readWholeFile } from '../../src/reconcile/files/read-file.ts';

const uid = process.getuid?.() ?? 0;
const MINUTE = 60_000;
/** Unix seconds. */
const OLD = 1_000_000_000;
let dir: string;
/** Milliseconds that the clock is ahead of the files' times: they are old enough to be kept. */
let ahead: number;
let known: KnownFiles;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fleet-known-'));
  ahead = MINUTE;
  known = knownFiles(() => Date.now() + ahead);
  writeFileSync(join(dir, 'a'), 'first');
  utimesSync(join(dir, 'a'), OLD, OLD);
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function read(name = 'a', rules: ReadRules = { maxBytes: 1000, owners: [uid] }) {
  const directory = openDirectory(dir, [uid], { known });
  if (directory.state !== 'open') throw new Error(directory.state);
  try {
    // As for files of which there are many: found in the list of names first.
    directory.names();
    return directory.read(name, rules);
  } finally {
    directory.close();
  }
}

const textOf = (file: FileRead): string | null => (file.state === 'read' ? file.bytes.toString() : null);

test('a file that nobody touched is the very reading of before', () => {
  const first = read();
  expect(textOf(first)).toBe('first');
  expect(read()).toBe(first);
});

describe('is read anew', () => {
  test.each<[string, (path: string) => void]>([
    ['written in place, as long as before', (path) => writeFileSync(path, 'other')],
    [
      'written in place, as long and as old as before',
      (path) => {
        writeFileSync(path, 'other');
        utimesSync(path, OLD, OLD);
      },
    ],
    [
      'replaced by one that is as long and as old',
      (path) => {
        writeFileSync(`${path}.new`, 'other');
        utimesSync(`${path}.new`, OLD, OLD);
        renameSync(`${path}.new`, path);
      },
    ],
    [
      'with its directory',
      () => {
        mkdirSync(`${dir}.new`);
        writeFileSync(join(`${dir}.new`, 'a'), 'other');
        rmSync(dir, { recursive: true });
        renameSync(`${dir}.new`, dir);
      },
    ],
  ])('one that was changed: %s', (_how, change) => {
    read();
    change(join(dir, 'a'));
    expect(textOf(read())).toBe('other');
    expect(textOf(read())).toBe('other');
  });

  test('one whose mode was changed', () => {
    read();
    chmodSync(join(dir, 'a'), 0o600);
    expect(read()).toMatchObject({ mode: 0o600 });
  });

  test('one that was changed just before it was read: its times would not show a second change', () => {
    ahead = -MINUTE;
    const first = read();
    expect(read()).not.toBe(first);
    ahead = MINUTE;
    const later = read();
    expect(read()).toBe(later);
  });

  test('everything after ten minutes, and where the clock was set back', () => {
    const first = read();
    ahead += 600_000 - 1_000;
    expect(read()).toBe(first);
    ahead += 1_000;
    const second = read();
    expect(second).not.toBe(first);
    ahead -= 10_000;
    expect(read()).not.toBe(second);
  });
});

test('what is refused stays refused, and what is gone is gone, whatever was read before', () => {
  read();
  expect(read('a', { maxBytes: 2, owners: [uid] })).toMatchObject({ state: 'unknown', why: 'too-large' });
  expect(read('a', { maxBytes: 1000, owners: [uid + 1] })).toMatchObject({ state: 'unknown', why: 'denied' });
  renameSync(join(dir, 'a'), join(dir, 'b'));
  expect(read()).toEqual({ state: 'absent' });
  symlinkSync(join(dir, 'b'), join(dir, 'a'));
  expect(read()).toMatchObject({ state: 'unknown', why: 'not-regular' });
  const follows = { maxBytes: 1000, owners: [uid], followsLink: true };
  expect(textOf(read('a', follows))).toBe('first');
  writeFileSync(join(dir, 'b'), 'other');
  expect(textOf(read('a', follows))).toBe('other');
});

test('what is made of a reading is made once, and anew of another', () => {
  let made = 0;
  const make = (file: FileRead) =>
    known.derived(file, () => {
      made += 1;
      return textOf(file);
    });
  expect([make(read()), make(read()), made]).toEqual(['first', 'first', 1]);
  writeFileSync(join(dir, 'a'), 'other');
  expect([make(read()), make(read()), made]).toEqual(['other', 'other', 2]);
  const alone = derivedBy(undefined);
  expect(alone(read(), () => 'new each time')).toBe('new each time');
});

describe('names in a directory', () => {
  const names = (): readonly string[] => {
    const directory = openDirectory(dir, [uid], { known });
    if (directory.state !== 'open') throw new Error(directory.state);
    try {
      const listed = directory.names();
      if (listed.state !== 'listed') throw new Error(listed.detail);
      return listed.names;
    } finally {
      directory.close();
    }
  };

  test('are the very list of before while nothing came, went or was replaced', () => {
    const first = names();
    writeFileSync(join(dir, 'a'), 'other');
    expect(names()).toBe(first);
    expect(first).toEqual(['a']);
  });

  test.each<[string, () => void, readonly string[]]>([
    ['came', () => writeFileSync(join(dir, 'b'), ''), ['a', 'b']],
    ['went', () => rmSync(join(dir, 'a')), []],
    ['was renamed', () => renameSync(join(dir, 'a'), join(dir, 'c')), ['c']],
  ])('are listed anew where one %s', (_what, happen, then) => {
    names();
    happen();
    expect([...names()].sort()).toEqual(then);
  });

  test('are listed anew where they were listed just after a change, which may have gone on', () => {
    ahead = 0;
    const first = names();
    expect(names()).not.toBe(first);
  });

  test('are listed anew after ten minutes', () => {
    const first = names();
    ahead += 600_000;
    expect(names()).not.toBe(first);
  });
});

describe('a reading that knows whether it was touched', () => {
  let reads: number;
  let touched: 'yes' | 'no' | 'perhaps';
  const take = (key = 'links', source: Source<{ touched: () => typeof touched; at: number }> | null = null) =>
    known.untouched(key, () => {
      reads += 1;
      return source ?? { status: 'known', value: { touched: () => touched, at: reads } };
    });
  beforeEach(() => {
    reads = 0;
    touched = 'no';
  });

  test('is the very one of before while it says no, for each key by itself', () => {
    const first = take();
    expect(take()).toEqual(first);
    expect(take('others')).not.toEqual(first);
    expect(reads).toBe(2);
  });

  test.each(['yes', 'perhaps'] as const)('is read anew where it says %s', (says) => {
    take();
    touched = says;
    expect(take()).toMatchObject({ value: { at: 2 } });
  });

  test('is read anew after ten minutes, and where the clock was set back', () => {
    take();
    ahead += 600_000;
    expect(take()).toMatchObject({ value: { at: 2 } });
    ahead -= 10_000;
    expect(take()).toMatchObject({ value: { at: 3 } });
  });

  test('one that failed is not kept, and what was kept before it is not either', () => {
    take();
    touched = 'yes';
    const failed = { status: 'unknown', why: 'io', detail: 'x' } as const;
    expect(take('links', failed)).toEqual(failed);
    touched = 'no';
    expect(take()).toMatchObject({ value: { at: 3 } });
  });
});

describe('a file that is read whole', () => {
  const whole = () => readWholeFile(join(dir, 'a'), known);

  test('is not read again while nobody has touched it, and is as soon as somebody has', () => {
    const first = whole();
    expect(first).toMatchObject({ state: 'present', content: 'first' });
    expect(whole()).toBe(first);
    writeFileSync(join(dir, 'a'), 'other');
    utimesSync(join(dir, 'a'), OLD, OLD);
    expect(whole()).toMatchObject({ state: 'present', content: 'other' });
    writeFileSync(join(dir, 'new'), 'third');
    renameSync(join(dir, 'new'), join(dir, 'a'));
    expect(whole()).toMatchObject({ state: 'present', content: 'third' });
    rmSync(join(dir, 'a'));
    expect(whole()).toEqual({ state: 'absent' });
  });

  test('is read again where it was changed just before it was read', () => {
    ahead = -MINUTE;
    writeFileSync(join(dir, 'a'), 'young');
    const first = whole();
    expect(whole()).not.toBe(first);
    expect(whole()).toEqual(first);
  });
});
