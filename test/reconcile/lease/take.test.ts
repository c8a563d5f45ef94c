import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { leasePath } from '../../../src/reconcile/lease/file.ts';
import { LEASE_MS } from '../../../src/reconcile/lease/hold.ts';
import { type LeaseRecord, renderRecord } from '../../../src/reconcile/lease/record.ts';
import { flockRefused, LeaseBench, outcomeOf, withoutFlock } from './bench.ts';

let bench: LeaseBench;
beforeEach(() => {
  bench = new LeaseBench();
});
afterEach(() => bench.remove());

const beside = (): readonly string[] => readdirSync(dirname(bench.path)).sort();

test('the path spells the host in lower case, as the inventory does', () => {
  expect(leasePath('/home/j', 'W-Jarvis')).toBe('/home/j/.local/state/fleet/w-jarvis/lease');
});

describe.each([
  ['with the kernel’s lock', undefined, 'flock'],
  ['without flock(1)', withoutFlock, 'record'],
  ['on a file system without locks', flockRefused, 'record'],
] as const)('%s', (_, run, lock) => {
  const ports = () => (run === undefined ? bench.ports() : bench.ports({ run }));

  test('it is had, written down for others, private, and let go', async () => {
    const { lease, moved } = await bench.got({}, ports());
    expect(moved).toBe(false);
    const mine = { who: 'jarvis', what: 'apply', pid: process.pid, lock, released_uptime: null };
    expect(bench.record()).toMatchObject(mine);
    expect([statSync(bench.path).mode & 0o777, statSync(dirname(bench.path)).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(lease.mayAct()).toBeNull();
    lease.release();
    expect(bench.record().released_uptime).not.toBeNull();
    expect(lease.mayAct()?.code).toBe('lease-lost');
    expect(beside()).toEqual(['lease']);
  });

  test('a second one is refused with the name of the first, and had once that let go', async () => {
    const first = await bench.got({ what: 'adopt' }, ports());
    expect(outcomeOf(await bench.take({}, ports()))).toBe('held by adopt');
    first.lease.release();
    const second = await bench.got({}, ports());
    expect(second.lease.fence).toBe(first.lease.fence + 1);
    second.lease.release();
  });

  test('who waits is told for whom, gets it when it is let go, and knows that the world moved', async () => {
    const first = await bench.got({ what: 'adopt' }, ports());
    expect(first.lease.wanted()).toBe(false);
    const second = bench.take({ timeoutMs: 20_000 }, ports());
    await expect.poll(() => first.lease.wanted(), { timeout: 10_000 }).toBe(true);
    first.lease.release();
    const taken = await second;
    expect([outcomeOf(taken), taken.ok && taken.value.moved, bench.told]).toEqual(['got', true, ['adopt']]);
    if (taken.ok) taken.value.lease.release();
    expect(beside()).toEqual(['lease']);
  });

  test('a controller is waited for without being asked to', async () => {
    const first = await bench.got({ what: 'run' }, ports());
    const second = bench.take({ timeoutMs: null }, ports());
    await expect.poll(() => first.lease.wanted(), { timeout: 10_000 }).toBe(true);
    first.lease.release();
    expect(outcomeOf(await second)).toBe('got');
  });

  test('a dead holder is passed over at once', async () => {
    const gone = await deadRecord(lock);
    bench.write(gone);
    const { lease, moved } = await bench.got({}, ports());
    expect([lease.fence, moved]).toEqual([gone.fence + 1, false]);
    lease.release();
  });

  test('a claim whose maker died hinders nobody and is cleared away; a live one does', async () => {
    const gone = await deadRecord(lock);
    bench.write(gone);
    symlinkSync(`${gone.boot_id}:${gone.pid}:1`, `${bench.path}.claim-${gone.fence + 1}`);
    const { lease } = await bench.got({}, ports());
    expect(lease.fence).toBe(gone.fence + 2);
    expect(beside()).toEqual(['lease']);
    lease.release();
    const me = bench.machine.holder(process.pid);
    const start = me.state === 'running' ? me.startTime : 0;
    symlinkSync(`${gone.boot_id}:${process.pid}:${start}`, `${bench.path}.claim-${lease.fence + 1}`);
    expect(outcomeOf(await bench.take({}, ports()))).toBe('held by nobody known');
  });

  test.each([
    ['torn', '{"format_version":"1.0","kind":"fleet.le'],
    ['empty', ''],
    ['garbage', '\u0000\u0001 nothing of ours\n'],
  ])('a record that is %s is followed by a fence above all before', async (_, content) => {
    const before = await bench.got({}, ports());
    before.lease.release();
    bench.write(content);
    await bench.ports().delay(2);
    const { lease } = await bench.got({}, ports());
    expect(lease.fence).toBeGreaterThan(before.lease.fence);
    expect(beside()).toEqual(['lease']);
    lease.release();
  });

  test('a record of another major version is left alone, with what to do', async () => {
    mkdirSync(dirname(bench.path), { recursive: true });
    bench.write('{"format_version":"2.0","kind":"fleet.lease"}\n');
    const taken = await bench.take({}, ports());
    expect(outcomeOf(taken)).toBe('lease-format');
    expect(JSON.stringify(taken)).toContain(`mv ${bench.path} ${bench.path}.old`);
  });

  test.each([
    ['removed', () => unlinkSync(bench.path)],
    ['moved away', () => renameSync(bench.path, `${bench.path}.old`)],
    ['replaced by a copy', () => replaceBy(renderRecord(bench.record()))],
    ['replaced by a link', () => replaceByLink()],
    ['overwritten', () => writeFileSync(bench.path, 'what is this?\n')],
    ['gone with its directory', () => rmSync(dirname(bench.path), { recursive: true })],
  ])('its holder sees before the next effect that the file was %s, and stays out', async (_, meddle) => {
    const { lease } = await bench.got({}, ports());
    expect([lease.mayAct(), lease.lost.aborted]).toEqual([null, false]);
    meddle();
    expect(lease.mayAct()?.code).toBe('lease-lost');
    expect(lease.lost.aborted).toBe(true);
    lease.release();
    expect(lease.mayAct()?.code).toBe('lease-lost');
  });

  test('that it was let go is no loss, and that it cannot be looked at is none either', async () => {
    const unseen = await bench.got({}, ports());
    renameSync(bench.path, `${bench.path}.old`);
    rmSync(dirname(bench.path), { recursive: true });
    symlinkSync(dirname(bench.path), dirname(bench.path));
    expect([unseen.lease.mayAct()?.code, unseen.lease.lost.aborted]).toEqual(['lease-unknown', false]);
    unseen.lease.release();
    rmSync(dirname(bench.path));
    const { lease } = await bench.got({}, ports());
    lease.release();
    expect([lease.mayAct()?.code, lease.lost.aborted]).toEqual(['lease-lost', false]);
  });

  test('who takes over a file that was replaced is not hurt by the old holder letting go', async () => {
    const old = await bench.got({}, ports());
    unlinkSync(bench.path);
    const young = await bench.got({ what: 'adopt' }, ports());
    expect(old.lease.mayAct()?.code).toBe('lease-lost');
    old.lease.release();
    expect([young.lease.mayAct(), bench.record().what]).toEqual([null, 'adopt']);
    expect(outcomeOf(await bench.take({}, ports()))).toBe('held by adopt');
    young.lease.release();
  });
});

describe('without locks', () => {
  test('a holder that does not renew it loses it when it runs out, and notices', async () => {
    let uptime = 1_000_000;
    const slow = bench.ports({ run: withoutFlock }, { uptime: () => uptime });
    const { lease } = await bench.got({}, slow);
    uptime += LEASE_MS - 1;
    const early = { ...slow, machine: { ...slow.machine, uptime: () => 1_000_000 + LEASE_MS - 1 } };
    expect(outcomeOf(await bench.take({ what: 'adopt' }, early))).toBe('held by apply');
    uptime += 1;
    const next = await bench.got({ what: 'adopt' }, slow);
    expect(lease.mayAct()?.code).toBe('lease-lost');
    expect(next.lease.fence).toBe(lease.fence + 2);
    expect([next.lease.mayAct(), beside()]).toEqual([null, ['lease']]);
    lease.release();
    expect(next.lease.mayAct()).toBeNull();
    next.lease.release();
  });

  test('a holder whose lease ran out does not act, also where nobody has taken it yet', async () => {
    let uptime = 1_000_000;
    const { lease } = await bench.got({}, bench.ports({ run: withoutFlock }, { uptime: () => uptime }));
    uptime += LEASE_MS;
    expect(lease.mayAct()).toMatchObject({ code: 'lease-lost', summary: 'The lease ran out' });
    uptime -= LEASE_MS;
    expect(lease.mayAct()?.code).toBe('lease-lost');
    lease.release();
  });

  test('asking whether it may act renews it', async () => {
    let uptime = 1_000_000;
    const ports = bench.ports({ run: withoutFlock }, { uptime: () => uptime });
    const { lease } = await bench.got({}, ports);
    for (let times = 0; times < 5; times++) {
      uptime += LEASE_MS - 1;
      expect(lease.mayAct()).toBeNull();
    }
    expect(outcomeOf(await bench.take({}, ports))).toBe('held by apply');
    lease.release();
  });

  test('a holder of the kernel’s lock is never judged by the time', async () => {
    const { lease } = await bench.got();
    const later = bench.ports({ run: withoutFlock }, { uptime: () => bench.machine.uptime() + 10 * LEASE_MS });
    expect(outcomeOf(await bench.take({}, later))).toBe('held by apply');
    expect(lease.mayAct()).toBeNull();
    lease.release();
  });
});

test('a wall clock set back or forward by years decides nothing', async () => {
  const at = (now: number) => bench.ports({ run: withoutFlock, now: () => now });
  const first = await bench.got({}, at(Date.parse('2026-06-01')));
  expect(outcomeOf(await bench.take({}, at(Date.parse('1999-01-01'))))).toBe('held by apply');
  expect(outcomeOf(await bench.take({}, at(Date.parse('2099-01-01'))))).toBe('held by apply');
  first.lease.release();
  const second = await bench.got({}, at(Date.parse('1999-01-01')));
  expect(second.lease.fence).toBe(first.lease.fence + 1);
  second.lease.release();
});

test('a lock that nobody signed is held by nobody known', async () => {
  (await bench.got()).lease.release();
  await bench.withDescriptor(async (fd) => {
    spawnSync('flock', ['-n', '-x', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    expect(outcomeOf(await bench.take())).toBe('held by nobody known');
    expect(outcomeOf(await bench.take({ timeoutMs: 700 }))).toBe('held by nobody known');
  });
});

test('a program that fleet runs does not hold the lock on', async () => {
  const { lease } = await bench.got();
  const child = bench.ports().run('sleep', ['1'], { deadlineMs: 10_000 });
  lease.release();
  (await bench.got()).lease.release();
  await child;
});

describe('refused, with what to do', () => {
  test('a symbolic link at the path', async () => {
    mkdirSync(dirname(bench.path), { recursive: true });
    symlinkSync('/dev/null', bench.path);
    expect(outcomeOf(await bench.take())).toBe('symbolic-link');
  });

  test('a directory at the path', async () => {
    mkdirSync(bench.path, { recursive: true });
    const taken = await bench.take();
    expect(outcomeOf(taken)).toBe('not-regular');
    expect(JSON.stringify(taken)).toContain(`mv ${bench.path} ${bench.path}.old`);
  });

  test('a FIFO at the path', async () => {
    mkdirSync(dirname(bench.path), { recursive: true });
    spawnSync('mkfifo', [bench.path]);
    expect(outcomeOf(await bench.take())).toBe('not-regular');
  });

  test('a file in the place of a directory', async () => {
    mkdirSync(dirname(dirname(bench.path)), { recursive: true });
    writeFileSync(dirname(bench.path), '');
    expect(outcomeOf(await bench.take())).toBe('file-error');
  });

  test('a kernel that cannot be asked', async () => {
    const run = () => Promise.resolve({ kind: 'failed', why: 'timeout', detail: 'flock gave no answer' } as const);
    expect(outcomeOf(await bench.take({}, bench.ports({ run })))).toBe('lock-unknown');
  });

  const denied = process.getuid?.() === 0 ? test.skip : test;
  denied('a directory that may not be written (as root nothing is denied: skipped)', async () => {
    mkdirSync(dirname(bench.path), { recursive: true });
    chmodSync(dirname(bench.path), 0o500);
    expect(outcomeOf(await bench.take())).toBe('denied');
    chmodSync(dirname(bench.path), 0o700);
  });
});

/** As a process left it that was killed; the directory is made by taking it first. */
async function deadRecord(lock: 'flock' | 'record'): Promise<LeaseRecord> {
  (await bench.got()).lease.release();
  const { pid } = spawnSync('true');
  return { ...bench.record(), pid, start_time: 1, lock, released_uptime: null };
}

function replaceBy(content: string): void {
  writeFileSync(`${bench.path}.new`, content);
  renameSync(`${bench.path}.new`, bench.path);
}

function replaceByLink(): void {
  renameSync(bench.path, `${bench.path}.real`);
  symlinkSync(`${bench.path}.real`, bench.path);
}
