/** The parts of the controller's shell, each by itself. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { inScopeOfItsOwn } from '../../../src/cli/run/own-scope.ts';
import { followRoster } from '../../../src/cli/run/roster-feed.ts';
import { shareLease } from '../../../src/cli/run/shared-lease.ts';
import type { RunProgram } from '../../../src/observe/run.ts';
import { NO_COUNTERS, newAgentCounters } from '../../../src/reconcile/control/counters.ts';
import { diskFiles } from '../../../src/reconcile/files/disk.ts';
import { readWholeFile } from '../../../src/reconcile/files/read-file.ts';
import type { Lease } from '../../../src/reconcile/lease/hold.ts';
import { failure } from '../../../src/reconcile/outcome.ts';
import type { RosterRead } from '../../../src/reconcile/roster/candidate.ts';
import { readCounters } from '../../../src/reconcile/state/counters-file.ts';
import { writeDocument } from '../../../src/reconcile/state/document.ts';
import { stopped } from '../../../src/reconcile/state/stop-file.ts';
import { err, ok } from '../../../src/spec/result.ts';
import { parseRoster } from '../../../src/spec/roster.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-test-run-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the roster in force', () => {
  const version = (name: string, commit: string | null = null) => {
    const text = `version: 1\nagents:\n  - { name: ${name}, runtime: pi }\n`;
    const parsed = parseRoster(Buffer.from(text), '/r.yaml');
    if (!parsed.ok) throw new Error('invalid');
    return { roster: parsed.value, text, commit };
  };
  const gone: RosterRead = { state: 'refused', code: 'missing', message: '/r.yaml does not exist', remedy: null };
  const feedOf = (reads: RosterRead[], refuses: () => string | null = () => null) =>
    followRoster({
      read: async () => reads.shift() ?? { state: 'same' },
      files: diskFiles,
      path: '/r.yaml',
      copy: join(directory, 'copy.json'),
      now: () => '2026-01-01T00:00:00.000Z',
      refuses,
    });
  const names = (feed: ReturnType<typeof feedOf>) => feed.inForce()?.roster.agents.map((agent) => agent.name);

  test('is the last good one where the next is refused, and says why once', async () => {
    const feed = feedOf([{ state: 'read', version: version('a') }, gone, gone]);
    expect((await feed.refresh()).step.news).toBe('accepted');
    expect((await feed.refresh()).step.news).toBe('refused');
    expect((await feed.refresh()).step.news).toBe(null);
    expect([names(feed), feed.inForce()?.refused?.code]).toEqual([['a'], 'missing']);
  });

  test('is the copy of the last one where a new controller finds nothing good', async () => {
    await feedOf([{ state: 'read', version: version('a') }]).refresh();
    const next = feedOf([gone]);
    expect((await next.refresh()).step.news).toBe('refused');
    expect(names(next)).toEqual(['a']);
  });

  test('is none where there never was a good one', async () => {
    const feed = feedOf([gone]);
    await feed.refresh();
    expect(feed.inForce()).toBe(null);
  });

  test('is compared by commit with what was in force before the controller', async () => {
    await feedOf([{ state: 'read', version: version('a', 'c1') }]).refresh();
    let compared: string | null | undefined;
    const feed = followRoster({
      read: async (inForce) => {
        compared = inForce?.commit;
        return { state: 'same' };
      },
      files: diskFiles,
      path: '/r.yaml',
      copy: join(directory, 'copy.json'),
      now: () => '',
      refuses: () => null,
    });
    await feed.refresh();
    expect(compared).toBe('c1');
  });

  test('stays where the next is for another fleet, whose copy is not kept', async () => {
    let refused: string | null = null;
    const feed = feedOf(
      [
        { state: 'read', version: version('a') },
        { state: 'read', version: version('b') },
      ],
      () => refused,
    );
    await feed.refresh();
    refused = 'it is another fleet now';
    expect((await feed.refresh()).step.news).toBe('refused');
    expect(names(feed)).toEqual(['a']);
    expect(readFileSync(join(directory, 'copy.json'), 'utf8')).toContain('name: a');
  });

  test('does not change while the file is being written, and is read again', async () => {
    const feed = feedOf([{ state: 'read', version: version('a') }, { state: 'unsettled' }]);
    await feed.refresh();
    const { step, again } = await feed.refresh();
    expect([step.news, again, names(feed)]).toEqual([null, true, ['a']]);
  });
});

describe('the shared lease', () => {
  const leases = () => {
    const told = { taken: 0, released: 0, wanted: false };
    const lease: Lease = {
      id: 'x',
      fence: 7,
      mayAct: () => null,
      lost: new AbortController().signal,
      wanted: () => told.wanted,
      release: () => {
        told.released += 1;
      },
    };
    const shared = shareLease(async () => {
      told.taken += 1;
      return ok(lease);
    });
    return { shared, told };
  };

  test('is taken once for passes at the same time, and let go by the last of them', async () => {
    const { shared, told } = leases();
    let end = (): void => {};
    const long = shared.use(() => new Promise<void>((resolve) => (end = resolve)));
    await shared.use(async () => undefined);
    expect(told).toMatchObject({ taken: 1, released: 0 });
    end();
    await long;
    expect(told).toMatchObject({ taken: 1, released: 1 });
    await shared.use(async () => undefined);
    expect(told).toMatchObject({ taken: 2, released: 2 });
  });

  test('is not joined while somebody waits for it', async () => {
    const { shared, told } = leases();
    let end = (): void => {};
    const long = shared.use(() => new Promise<void>((resolve) => (end = resolve)));
    told.wanted = true;
    expect(await shared.use(async () => 'acted')).toMatchObject({ ok: false, error: { code: 'yielding' } });
    end();
    await long;
    expect(told.released).toBe(1);
  });

  test('that was refused is asked for anew the next time', async () => {
    let held = true;
    const shared = shareLease(async () =>
      held ? err(failure('lease-held', 'held', 'by apply')) : leases().shared && err(failure('other', '', '')),
    );
    expect(await shared.use(async () => 1)).toMatchObject({ error: { code: 'lease-held' } });
    held = false;
    expect(await shared.use(async () => 1)).toMatchObject({ error: { code: 'other' } });
  });

  test('is let go where what was done with it throws', async () => {
    const { shared, told } = leases();
    await expect(shared.use(() => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
    expect(told.released).toBe(1);
  });
});

describe('what the controller starts', () => {
  const calls: string[][] = [];
  const run: RunProgram = async (program, args) => {
    calls.push([program, ...args]);
    return { kind: 'exited', code: 0, signal: null, stdout: '', stderr: '' };
  };
  const options = { deadlineMs: 1 };
  beforeEach(() => calls.splice(0));
  const SERVICE = '/user.slice/user-1.slice/user@1.service/app.slice/fleet.service';

  test('is outside of its own unit where it may leave a tmux server behind, and only there', async () => {
    const own = inScopeOfItsOwn(run, '/launch', SERVICE);
    await own('/bin/sh', ['/launch', 'holder', 'fleet', '_holder', 'default'], options);
    await own('/bin/sh', ['/launch', 'start', 'a'], options);
    await own('tmux', ['-N', 'new-session'], options);
    expect(calls.map((call) => call[0])).toEqual(['systemd-run', '/bin/sh', 'tmux']);
    expect(calls[0]).toEqual(expect.arrayContaining(['--user', '--scope', '--', '/bin/sh', '/launch', 'holder']));
  });

  test.each([['/user.slice/user-1.slice/session-3.scope'], [null]])('is as it is from %s', async (cgroup) => {
    await inScopeOfItsOwn(run, '/launch', cgroup)('/bin/sh', ['/launch', 'holder'], options);
    expect(calls[0]?.[0]).toBe('/bin/sh');
  });
});

describe('counters', () => {
  const counters = {
    ...NO_COUNTERS,
    agents: { a: { ...newAgentCounters('s'), streak: 3, restarts: [1, 2] } },
    actions: [5],
  };

  test('come back as they were written', () => {
    const path = join(directory, 'counters.json');
    writeDocument(diskFiles, path, counters);
    expect(readCounters(path, readWholeFile)).toEqual({ ok: true, value: counters });
  });

  test('that are none are none; those that cannot be read are a failure, and stay as they are', () => {
    const path = join(directory, 'counters.json');
    expect(readCounters(path, readWholeFile)).toEqual({ ok: true, value: null });
    writeFileSync(path, '{"kind":"fleet.counters","format_version":"1.0","agents":{"a":{"streak":"x"}}}');
    expect(readCounters(path, readWholeFile)).toMatchObject({ ok: false, error: { code: 'state-unusable' } });
    expect(readFileSync(path, 'utf8')).toContain('"x"');
  });
});

test('a PAUSED file stops, also one that cannot be seen', () => {
  const path = join(directory, 'PAUSED');
  expect(stopped([path])).toBe(null);
  writeFileSync(path, '');
  expect(stopped(['/nowhere/PAUSED', path])).toMatchObject({ code: 'stopped', remedy: `to go on: rm ${path}` });
  expect(stopped([join(path, 'x', 'PAUSED')])).toMatchObject({ code: 'stopped' });
});
