/**
 * fleet's own files: the lease, the journal and the inventory. The real `fleet apply -y` is killed at, and met with EIO,
 * ENOSPC and EACCES by, each system call that it makes on them, as an undisturbed run tells them; and each field of each
 * file is spoilt. It recovers, or refuses and says what to do; the next apply without the fault ends in the same state.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../src/observe/run.ts';
import { diskFiles } from '../../src/reconcile/files/disk.ts';
import { inventoryPath, journalPath, readInventory } from '../../src/reconcile/inventory.ts';
import { createJournalStore } from '../../src/reconcile/journal.ts';
import { leasePath } from '../../src/reconcile/lease/file.ts';
import { thisMachine } from '../../src/reconcile/lease/machine.ts';
import { takeLease } from '../../src/reconcile/lease/wait.ts';
import { owned } from '../reconcile/records.ts';
import { buildFleet, type Ended, KilledFleet } from './killed-fleet.ts';
import { LONG, report } from './suite.ts';

const ERRORS = ['EIO', 'ENOSPC', 'EACCES'];
const AGENTS = ['name: a1'];

const started = Date.now();
let dist: string;
let rounds = 0;
let violations = 0;
const counts: Record<string, number> = {};
const count = (what: string): void => {
  rounds += 1;
  counts[what] = (counts[what] ?? 0) + 1;
};

beforeAll(() => {
  dist = buildFleet();
}, 120_000);
afterAll(() => {
  rmSync(dist, { recursive: true, force: true });
  report({ suite: 'own files', rounds, violations, seed: null, seconds: (Date.now() - started) / 1000, counts });
});

async function onFleet<T>(body: (fleet: KilledFleet) => Promise<T>): Promise<T> {
  const fleet = new KilledFleet(dist);
  try {
    fleet.roster(AGENTS);
    return await body(fleet);
  } catch (error) {
    violations += 1;
    throw error;
  } finally {
    fleet.close();
  }
}

const stateOf = (fleet: KilledFleet): string =>
  JSON.stringify(fleet.state(), null, 1)
    .replaceAll(fleet.home, '~')
    .replaceAll(/\b[0-9a-f]{32}\b/g, 'spec');

/** The calls of an apply, and what it ends in. `second`: of one that meets what a killed one left. */
async function undisturbed(second: boolean): Promise<{ readonly calls: readonly string[]; readonly state: string }> {
  return onFleet(async (fleet) => {
    if (second) await leaveJournal(fleet);
    const calls = join(fleet.home, 'calls');
    expect(await fleet.run(['apply', '-y'], { FAULT_CALLS: calls })).toMatchObject({ code: 0 });
    expect((await fleet.run(['plan', '--detailed-exitcode'])).code).toBe(0);
    return { calls: readFileSync(calls, 'utf8').split('\n').filter(Boolean), state: stateOf(fleet) };
  });
}

/** Killed in the middle: there is a journal to be put away first. */
async function leaveJournal(fleet: KilledFleet): Promise<void> {
  expect((await fleet.run(['apply', '-y'], { TEST_KILL: 'made' })).signal).toBe('SIGKILL');
}

async function meet(second: boolean, call: string, n: number, kind: string, state: string): Promise<void> {
  await onFleet(async (fleet) => {
    if (second) await leaveJournal(fleet);
    const ended = await fleet.run(['apply', '-y'], { FAULT_AT: `${n} ${kind}` });
    const where = `${kind} at ${call} (${n})`;
    expect({ where, ...wrong(ended, kind) }).toEqual({ where });
    if (ended.code === 0)
      expect({ where, plan: (await fleet.run(['plan', '--detailed-exitcode'])).code }).toEqual({ where, plan: 0 });
    const next = await fleet.run(['apply', '-y']);
    expect({
      where,
      code: next.code,
      stderr: next.stderr.replaceAll(/^(done|fleet: the last apply) .*\n/gm, '').trim(),
    }).toEqual({ where, code: 0, stderr: '' });
    expect({ where, state: stateOf(fleet) }).toEqual({ where, state });
    count(kind);
  });
}

/** Empty where it was killed as wanted, succeeded, or said what was wrong and what to do. */
function wrong({ code, signal, stderr }: Ended, kind: string): object {
  if (kind === 'kill' || kind === 'torn') return signal === 'SIGKILL' ? {} : { code, signal, stderr };
  if (stderr.includes('bug in fleet')) return { stderr };
  if (code === 0) return {};
  const said = stderr.includes(kind === 'short' ? 'ENOSPC' : kind) && /\n {2,}\S/.test(stderr);
  return said && code !== null ? {} : { code, signal, stderr };
}

describe('every call', () => {
  for (const second of [false, true]) {
    const title = second ? 'of an apply that puts away what a killed one left' : 'of a first apply';
    test(title, async () => {
      const { calls, state } = await undisturbed(second);
      expect(calls.length).toBeGreaterThan(30);
      // What comes after the journal was put away is the same in both.
      const last = second
        ? calls.findIndex((call) => call.startsWith('unlink ') && call.endsWith('journal.jsonl')) + 3
        : calls.length;
      const points = calls
        .slice(0, last)
        .flatMap((call, i) => kindsFor(call, i).map((kind) => [call, i + 1, kind] as const));
      await sideBySide(points, ([call, n, kind]) => meet(second, call, n, kind, state));
    });
  }
});

/** In the short form one error a call, in turn. */
function kindsFor(call: string, index: number): readonly string[] {
  const errors = LONG ? ERRORS : [ERRORS[index % ERRORS.length] ?? 'EIO'];
  return ['kill', ...(call.startsWith('write ') ? ['torn', 'short'] : []), ...errors];
}

/** Five at a time: each mostly waits for processes to come up. */
async function sideBySide<T>(all: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 5 }, worker));
}

// --- spoilt ---

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
const SPOILT: readonly (Json | undefined)[] = [
  undefined,
  null,
  '',
  'x',
  -1,
  1.5,
  2 ** 60,
  true,
  [],
  {},
  [null],
  'x'.repeat(10_000),
];

/** The document with one value, at any depth, replaced or taken away. */
function* spoil(value: Json, path = ''): Generator<readonly [string, Json | undefined]> {
  for (const other of SPOILT) yield [path, other];
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    for (const [where, changed] of spoil(inner, `${path}/${key}`)) {
      const copy = Object.fromEntries([...Object.entries(value), [key, changed]]);
      // As it would be read from a file: what is undefined is not there.
      yield [where, JSON.parse(JSON.stringify(Array.isArray(value) ? Object.values(copy) : copy))];
    }
  }
}

describe('every field', () => {
  let fleet: KilledFleet;
  let path: string;
  beforeAll(() => {
    fleet = new KilledFleet(dist);
    path = inventoryPath(fleet.home, 'here', 'crash');
    mkdirSync(dirname(path), { recursive: true });
  });
  afterAll(() => fleet.close());

  const open = () => createJournalStore({ files: diskFiles, path, now: Date.now }).open('p', 1);

  /** Read, or refused with what to do; what is refused is left as it is, and what is read can be written. */
  function survives(where: string, file: string): void {
    const before = readFileSync(file, 'utf8');
    const read = readInventory(path);
    const opened = open();
    if (!read.ok) {
      expect(`${where}: ${read.error.remedy}`).toMatch(/: (look at it|use the)/);
      expect({ where, opened: opened.ok, text: readFileSync(file, 'utf8') }).toEqual({
        where,
        opened: false,
        text: before,
      });
      count('refused');
      return;
    }
    if (opened.ok)
      expect({
        where,
        failed: opened.value.note({ owned: { 'session/z': owned('session', 'z') } }) ?? opened.value.finish(),
      }).toEqual({ where, failed: null });
    else expect({ where, code: opened.error.code }).toEqual({ where, code: 'inventory-newer' });
    count('read');
  }

  test('of the inventory', () => {
    const opened = open();
    if (!opened.ok) throw new Error(opened.error.detail);
    const session = {
      agent: 'a',
      socket: 's',
      server: { pid: 1, start: 2 },
      id: '$1',
      created: 3,
      spec: 'f',
      boot_id: 'b',
      done: false,
      plan: 'p',
    };
    opened.value.note({ owned: { 'session/a': owned('session', 'a') }, sessions: { a: session } });
    opened.value.finish();
    const text = readFileSync(path, 'utf8');
    const sound = { ...JSON.parse(text), interrupted: { plan: 'p', at: 't', doing: ['x'] } };
    for (const [where, document] of spoil(sound)) {
      rmSync(journalPath(path), { force: true });
      writeFileSync(path, document === undefined ? '' : JSON.stringify(document));
      survives(`inventory${where} = ${JSON.stringify(document)}`.slice(0, 200), path);
    }
    for (const version of ['1.0', '1.2', '1.99', '2.0', '0.9', '1', 'one']) {
      writeFileSync(path, JSON.stringify({ ...sound, format_version: version }));
      survives(`format ${version}`, path);
    }
    for (let cut = 0; cut < text.length; cut += 1) {
      writeFileSync(path, text.slice(0, cut));
      survives(`inventory cut at ${cut}`, path);
    }
    rmSync(path);
  });

  test('of the journal', () => {
    const opened = open();
    if (!opened.ok) throw new Error(opened.error.detail);
    for (const name of ['a', 'b', 'c']) opened.value.note({ owned: { [`session/${name}`]: owned('session', name) } });
    const lines = readFileSync(journalPath(path), 'utf8').trimEnd().split('\n');
    for (const [index, line] of lines.entries()) {
      for (const [where, document] of spoil(JSON.parse(line))) {
        rmSync(path, { force: true });
        const changed = document === undefined ? '' : JSON.stringify(document);
        writeFileSync(journalPath(path), `${lines.toSpliced(index, 1, changed).join('\n')}\n`);
        survives(`journal line ${index + 1}${where} = ${changed}`.slice(0, 200), journalPath(path));
      }
    }
    const text = `${lines.join('\n')}\n`;
    for (let cut = 0; cut <= text.length; cut += 1) {
      rmSync(path, { force: true });
      writeFileSync(journalPath(path), text.slice(0, cut));
      survives(`journal cut at ${cut}`, journalPath(path));
    }
    for (const bytes of ['\0\0\0', '\0\n', '}\n', '\n', '\ufffd']) {
      rmSync(path, { force: true });
      writeFileSync(journalPath(path), text + bytes);
      survives(`journal with ${JSON.stringify(bytes)} behind it`, journalPath(path));
    }
  });

  test('of the lease: it is had, or refused with what to do, and never for longer than a lease lives', async () => {
    const file = leasePath(fleet.home, 'here');
    const ports = {
      run: runProgram,
      machine: thisMachine(),
      now: Date.now,
      delay: (ms: number) => new Promise<void>((r) => setTimeout(r, ms)),
    };
    const take = () =>
      takeLease({ path: file, who: 'me', what: 'apply', host: 'here', timeoutMs: 0, onWait: () => {} }, ports);
    const first = await take();
    if (!first.ok) throw new Error('not had');
    first.value.lease.release();
    const sound = JSON.parse(readFileSync(file, 'utf8'));
    for (const [where, document] of spoil(sound)) {
      writeFileSync(file, document === undefined ? '' : `${JSON.stringify(document)}\n`);
      const had = await take();
      const what = `lease${where} = ${JSON.stringify(document)}`.slice(0, 200);
      if (had.ok) had.value.lease.release();
      else if (had.error.why === 'failed') expect(`${what}: ${had.error.failure.remedy}`).not.toMatch(/: null$/);
      count(had.ok ? 'lease had' : 'lease refused');
    }
    expect(existsSync(file)).toBe(true);
  });
});
