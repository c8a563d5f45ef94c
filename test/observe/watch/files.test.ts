import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { watchFiles } from '../../../src/observe/watch/files.ts';
import { type HandClock, type Heard, handClock, listen, until } from './world.ts';

let directory = '';
let clock: HandClock = handClock();
let heard: Heard = listen();
let stop = (): void => {};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-test-watch-'));
  clock = handClock();
  heard = listen();
});
afterEach(() => {
  stop();
  rmSync(directory, { recursive: true, force: true });
});

const at = (name: string): string => join(directory, name);
const put = (name: string, text: string): void => writeFileSync(at(name), text);
const renameOver = (name: string, text: string): void => {
  put(`${name}.new`, text);
  renameSync(at(`${name}.new`), at(name));
};
const swapLink = (name: string, target: string): void => {
  symlinkSync(target, at(`${name}.new`));
  renameSync(at(`${name}.new`), at(name));
};

function watch(name: string): void {
  stop = watchFiles({ source: 'roster', paths: [at(name)], trigger: { on: 'roster' } }, heard, clock).close;
}

/** What a reader finds when it is told is what was written: the trigger comes after the change, never before alone. */
async function tells(what: string, change: () => void, wanted: string | null, name = 'f'): Promise<void> {
  heard.triggers.length = 0;
  change();
  await until(`told of ${what}`, () => heard.triggers.length > 0);
  if (wanted !== null) expect(readFileSync(at(name), 'utf8')).toBe(wanted);
}

describe('a change of the file is told, however it is made', () => {
  test('written in place and appended to', async () => {
    put('f', 'a');
    watch('f');
    await tells('a write', () => put('f', 'b'), 'b');
    await tells('an append', () => appendFileSync(at('f'), 'c'), 'bc');
  });

  test('renamed over, again and again', async () => {
    put('f', 'a');
    watch('f');
    for (const text of ['b', 'c', 'd']) await tells('a rename', () => renameOver('f', text), text);
  });

  test('moved to a backup and written anew, as editors do', async () => {
    put('f', 'a');
    watch('f');
    for (const text of ['b', 'c']) {
      const save = () => {
        renameSync(at('f'), at('f~'));
        put('f', text);
      };
      await tells('a save', save, text);
    }
  });

  test('deleted and brought back', async () => {
    put('f', 'a');
    watch('f');
    await tells('its end', () => unlinkSync(at('f')), null);
    await tells('its return', () => put('f', 'b'), 'b');
    await tells('its end', () => unlinkSync(at('f')), null);
    await tells('its return', () => renameOver('f', 'c'), 'c');
  });

  test('a link to it swapped, and written behind the link', async () => {
    put('1', 'one');
    put('2', 'two');
    symlinkSync('1', at('f'));
    watch('f');
    await tells('a swap', () => swapLink('f', '2'), 'two');
    await tells('a swap back', () => swapLink('f', at('1')), 'one');
    await tells('a write behind the link', () => put('1', 'more'), 'more');
    await tells('a rename behind the link', () => renameOver('1', 'most'), 'most');
  });

  test('a link to its directory swapped, as mounted configuration is', async () => {
    for (const name of ['1', '2']) {
      mkdirSync(at(name));
      put(`${name}/f`, name);
    }
    symlinkSync('1', at('current'));
    watch('current/f');
    await tells('a swap', () => swapLink('current', '2'), '2', 'current/f');
    await tells('a write in the new one', () => put('2/f', 'x'), 'x', 'current/f');
  });

  test('its directory replaced, as a checkout does', async () => {
    mkdirSync(at('d'));
    put('d/f', '1');
    watch('d/f');
    const checkout = () => {
      renameSync(at('d'), at('old'));
      mkdirSync(at('d'));
      put('d/f', '2');
    };
    await tells('a checkout', checkout, '2', 'd/f');
    await tells('a write in the new one', () => put('d/f', '3'), '3', 'd/f');
  });

  test('it and its directories come into being', async () => {
    watch('d/e/f');
    await tells('the first directory', () => mkdirSync(at('d')), null);
    await tells('the second directory', () => mkdirSync(at('d/e')), null);
    await tells('the file', () => put('d/e/f', '1'), '1', 'd/e/f');
  });
});

test('other files in its directories are no trigger', async () => {
  put('f', 'a');
  watch('f');
  for (let i = 0; i < 50; i += 1) put(`other${i}`, 'x');
  await tells('the one that matters', () => put('f', 'b'), 'b');
  expect(heard.triggers.every((t) => t.on === 'roster')).toBe(true);
  expect(heard.triggers.length).toBeLessThan(10);
});

test('a change whose event was lost is found by the check', () => {
  put('f', 'a');
  watch('f');
  // Synchronously, before any event can have been delivered.
  put('f', 'bb');
  expect(heard.triggers).toEqual([]);
  clock.advance(15_000);
  expect(heard.triggers).toEqual([{ on: 'roster' }]);
});

test('says that it is live', () => {
  put('f', 'a');
  watch('f');
  expect(heard.states).toEqual([{ source: 'roster', live: true, detail: null }]);
});

test('where no events can be had it says what it lacks, asks every two seconds, and says when they come again', () => {
  mkdirSync(at('d'));
  put('d/f', 'a');
  // May be passed through, and not be watched: that takes the right to read it, which root has everywhere.
  chmodSync(at('d'), 0o311);
  chmodSync(directory, 0o755);
  const root = process.geteuid?.() === 0;
  const asNobody = (work: () => void): void => {
    if (root) process.seteuid?.(65_534);
    try {
      work();
    } finally {
      if (root) process.seteuid?.(0);
    }
  };
  asNobody(() => watch('d/f'));
  expect(heard.states).toEqual([{ source: 'roster', live: false, detail: `${at('d')}: EACCES` }]);
  asNobody(() => clock.advance(2_000));
  expect(heard.triggers).toEqual([]);
  put('d/f', 'bb');
  asNobody(() => clock.advance(1_999));
  expect(heard.triggers).toEqual([]);
  asNobody(() => clock.advance(1));
  expect([heard.triggers, heard.states.length]).toEqual([[{ on: 'roster' }], 1]);
  chmodSync(at('d'), 0o755);
  asNobody(() => clock.advance(2_000));
  expect(heard.states.at(-1)).toEqual({ source: 'roster', live: true, detail: null });
});

test('nothing is left to do once it is closed', () => {
  put('f', 'a');
  watch('f');
  stop();
  expect(clock.pending()).toBe(0);
});
