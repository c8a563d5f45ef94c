/** Where the roster in force comes from: a file, a branch, and the last good copy. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../src/observe/run.ts';
import { diskFiles } from '../../src/reconcile/files/disk.ts';
import type { ReadRoster, RosterVersion } from '../../src/reconcile/roster/candidate.ts';
import { fileRoster } from '../../src/reconcile/roster/file-roster.ts';
import { gitRoster, refFiles } from '../../src/reconcile/roster/git-roster.ts';
import { lastGoodPath, readLastGood, writeLastGood } from '../../src/reconcile/roster/last-good.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-test-roster-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const roster = (...names: readonly string[]): string =>
  `version: 1\nagents:\n${names.map((name) => `  - { name: ${name}, runtime: pi }\n`).join('')}`;
const at = (name: string): string => join(directory, name);
const agentsOf = (version: RosterVersion): readonly string[] => version.roster.agents.map((agent) => agent.name);

async function mustRead(read: ReadRoster, inForce: RosterVersion | null = null): Promise<RosterVersion> {
  const found = await read(inForce);
  if (found.state !== 'read') throw new Error(JSON.stringify(found));
  return found.version;
}

describe('a file', () => {
  let now = 0;
  const path = () => at('fleet.yaml');
  const old = (): void => {
    const second = 1_000;
    utimesSync(path(), second, second);
    now = second * 1_000 + 60_000;
  };
  const write = (text: string): void => {
    writeFileSync(path(), text);
    now = statSync(path()).mtimeMs + 1;
  };
  const replace = (text: string): void => {
    writeFileSync(at('new'), text);
    renameSync(at('new'), path());
    now = statSync(path()).mtimeMs + 1;
  };

  test('renamed into place is read at once', async () => {
    replace(roster('a'));
    const read = fileRoster(path(), () => now);
    const first = await mustRead(read);
    expect(agentsOf(first)).toEqual(['a']);
    replace(roster('a', 'b'));
    expect(agentsOf(await mustRead(read, first))).toEqual(['a', 'b']);
  });

  test('written in place is read only when it has not moved for a moment: half a roster may be a valid one', async () => {
    replace(roster('a', 'b'));
    const read = fileRoster(path(), () => now);
    const first = await mustRead(read);
    write(roster('a'));
    expect(await read(first)).toEqual({ state: 'unsettled' });
    write(roster('a', 'c'));
    now += 100;
    expect(agentsOf(await mustRead(read, first))).toEqual(['a', 'c']);
  });

  test('invalid and still moving is not called invalid yet', async () => {
    replace('version: 1\nagen');
    const read = fileRoster(path(), () => now);
    expect(await read(null)).toEqual({ state: 'unsettled' });
    old();
    expect(await read(null)).toMatchObject({ state: 'refused', code: 'invalid' });
  });

  test('with the same content is the same, however often it is saved', async () => {
    replace(roster('a'));
    const read = fileRoster(path(), () => now);
    const first = await mustRead(read);
    replace(roster('a'));
    expect(await read(first)).toEqual({ state: 'same' });
  });

  test.each([
    ['is gone', () => {}, 'missing'],
    ['is a directory', () => mkdirSync(path()), 'invalid'],
    ['is empty', () => writeFileSync(path(), ''), 'invalid'],
    ['is nonsense', () => writeFileSync(path(), '\u0000\u0001'), 'invalid'],
  ] as const)('that %s is refused and says so', async (_what, make, code) => {
    make();
    now = Date.now() + 60_000;
    const found = await fileRoster(path(), () => now)(null);
    expect(found).toMatchObject({ state: 'refused', code });
    expect(found.state === 'refused' && found.message).toContain(path());
  });
});

describe('a branch', () => {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
      cwd: directory,
      encoding: 'utf8',
    }).trim();
  const commit = (text: string): string => {
    writeFileSync(at('fleet/fleet.yaml'), text);
    git('add', '-A');
    git('commit', '--allow-empty', '-qm', 'x');
    return git('rev-parse', 'HEAD');
  };
  const branch = () => gitRoster(at('fleet/fleet.yaml'), 'main', runProgram, '/copy.json');
  beforeEach(() => {
    git('init', '-q', '-b', 'main');
    mkdirSync(at('fleet'));
  });

  test('counts as it was committed, whatever lies in the checkout', async () => {
    const hash = commit(roster('a'));
    writeFileSync(at('fleet/fleet.yaml'), 'nonsense');
    const version = await mustRead(branch());
    expect([agentsOf(version), version.commit]).toEqual([['a'], hash]);
  });

  test('is followed to commits that descend from the one in force, several at once too', async () => {
    commit(roster('a'));
    const first = await mustRead(branch());
    commit(roster('a', 'b'));
    commit(roster('a', 'b', 'c'));
    expect(agentsOf(await mustRead(branch(), first))).toEqual(['a', 'b', 'c']);
  });

  test('that did not move is the same', async () => {
    commit(roster('a'));
    expect(await branch()(await mustRead(branch()))).toEqual({ state: 'same' });
  });

  test('whose history was rewritten is refused, and says how to accept it', async () => {
    commit(roster('a'));
    commit(roster('a', 'b'));
    const inForce = await mustRead(branch());
    git('reset', '-q', '--hard', 'HEAD~1');
    expect(await branch()(inForce)).toMatchObject({ state: 'refused', code: 'not-descendant' });
    commit(roster('a', 'x'));
    const refused = await branch()(inForce);
    expect(refused).toMatchObject({ state: 'refused', code: 'not-descendant' });
    expect(refused.state === 'refused' && refused.remedy).toContain('rm /copy.json');
  });

  test('whose commit in force was thrown away is refused too', async () => {
    commit(roster('a'));
    const inForce = { ...(await mustRead(branch())), commit: '1'.repeat(40) };
    expect(await branch()(inForce)).toMatchObject({ state: 'refused', code: 'not-descendant' });
  });

  test.each([
    ['holds no roster', () => git('commit', '--allow-empty', '-qm', 'x'), 'missing'],
    ['holds an invalid one', () => commit('nonsense: ['), 'invalid'],
    ['does not exist', () => git('checkout', '-q', '-b', 'other'), 'unreadable'],
  ] as const)('that %s is refused', async (_what, make, code) => {
    make();
    expect(await branch()(null)).toMatchObject({ state: 'refused', code });
  });

  test('outside of a checkout is refused', async () => {
    rmSync(at('.git'), { recursive: true });
    const found = await branch()(null);
    expect(found).toMatchObject({ state: 'refused', code: 'unreadable' });
    expect(await refFiles(at('fleet/fleet.yaml'), 'main', runProgram)).toBe(null);
  });

  test('is watched where its ref lies and where refs are packed', async () => {
    commit(roster('a'));
    expect(await refFiles(at('fleet/fleet.yaml'), 'main', runProgram)).toEqual([
      at('.git/refs/heads/main'),
      at('.git/packed-refs'),
    ]);
  });
});

describe('the last good copy', () => {
  test('outlives the controller, with its commit and the time it was read', async () => {
    writeFileSync(at('fleet.yaml'), roster('a'));
    const version = await mustRead(fileRoster(at('fleet.yaml'), () => Date.now() + 60_000));
    const path = lastGoodPath(directory, at('fleet.yaml'), null);
    const from = { path: at('fleet.yaml'), read: '2026-01-01T00:00:00.000Z' };
    expect(writeLastGood(diskFiles, path, { ...version, commit: 'c' }, from).ok).toBe(true);
    const kept = readLastGood(diskFiles, path);
    expect(kept).toMatchObject({ ok: true, value: { read: from.read, version: { commit: 'c' } } });
    expect(kept.ok && kept.value?.version.roster).toEqual(version.roster);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('is none where none was kept, and a failure where it is torn', () => {
    const path = lastGoodPath(directory, '/x', null);
    expect(readLastGood(diskFiles, path)).toEqual({ ok: true, value: null });
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '{"kind":"fleet.ros');
    expect(readLastGood(diskFiles, path)).toMatchObject({ ok: false, error: { code: 'state-unusable' } });
  });

  test('is one for each roster and each branch', () => {
    const paths = [lastGoodPath('/h', '/a', null), lastGoodPath('/h', '/b', null), lastGoodPath('/h', '/a', 'main')];
    expect(new Set(paths).size).toBe(3);
  });
});
