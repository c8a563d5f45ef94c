/** Whether a saved plan still fits, and what may be read of one: each reason to refuse it alone, and what it says. */
import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/diff/canonical.ts';
import { maskFindings } from '../../src/diff/mask-findings.ts';
import { EMPTY_MEMORY, type PlanPolicy } from '../../src/diff/policy.ts';
import { readiness } from '../../src/diff/readiness.ts';
import {
  looksLikePlan,
  parseSavedPlan,
  policyOfSaved,
  renderSavedPlan,
  type SavedPlan,
  savePlan,
} from '../../src/diff/saved-plan.ts';
import { type FitInput, misfits } from '../../src/diff/saved-plan-fit.ts';
import type { Observed } from '../../src/observe/state.ts';
import { sha256 } from '../../src/spec/sha256.ts';
import { FLEET } from './rosters.ts';
import { type Break, drop, planOf, runs, unit } from './rows.ts';
import * as w from './world.ts';

const POLICY: PlanPolicy = {
  ...w.POLICY,
  evenIfBusy: true,
  maxDisrupt: { value: 5, unit: 'percent' },
  targets: ['coder'],
};
const made = planOf({
  yaml: FLEET,
  breaks: [drop('coder'), unit('fleet-agent@coder.service', { unit_file_state: 'disabled' })],
});
const saved = savePlan({ plan: made, policy: POLICY, memory: EMPTY_MEMORY, rosterFile: '/r.yaml' });
const HERE: FitInput = {
  now: w.NOW + 60_000,
  toolVersion: '0.3.1',
  roster: { path: 'fleet.yaml', sha256: saved.roster.sha256 },
  here: { host: 'w-jarvis', tenant: 'jarvis' },
};
const AGAIN = 'make a new one: fleet plan -f /r.yaml -o FILE';
const told = (input: Partial<FitInput>, change: Partial<SavedPlan> = {}) =>
  misfits({ ...saved, ...change }, { ...HERE, ...input }).map((m) => [m.stale, m.detail, m.remedy]);

test('nothing speaks against one that fits: here, in whatever spelling of the host, or where that cannot be told', () => {
  expect(told({})).toEqual([]);
  expect(told({ here: { host: 'W-Jarvis', tenant: 'jarvis' } })).toEqual([]);
  expect(told({ here: null, roster: null })).toEqual([]);
});

test('every kind of precondition that a plan of this fleet has can be checked; one of a newer fleet cannot', () => {
  const all = ['session', 'server', 'unit_file_state', 'active_state', 'file_sha256', 'linger', 'process'];
  const more = ['need_daemon_reload', 'no_session_on', 'may_interrupt'];
  const having = (keys: readonly string[]) =>
    saved.changes.map((c) => ({ ...c, precondition: Object.fromEntries(keys.map((k) => [k, null])) as never }));
  expect(told({}, { changes: having([...all, ...more]) })).toEqual([]);
  expect(told({}, { changes: having(['session', 'moon']) })).toEqual([
    [
      false,
      'a newer fleet (0.0.0) made it: this one does not know how to check moon',
      `apply it with that fleet, or ${AGAIN}`,
    ],
  ]);
});

test('it is for one place', () => {
  const there = 'apply it there, as that user';
  expect(told({ here: { host: 'else', tenant: 'jarvis' } })).toEqual([
    [false, 'it was made for w-jarvis/jarvis, and this is else/jarvis', there],
  ]);
  expect(told({ here: { host: 'w-jarvis', tenant: 'ann' } })).toEqual([
    [false, 'it was made for w-jarvis/jarvis, and this is w-jarvis/ann', there],
  ]);
  const [first] = saved.hosts;
  if (first === undefined) throw new Error('no host');
  const hosts = [
    { ...first, name: 'one' },
    { ...first, name: 'two' },
    { ...first, name: 'three', status: 'unreachable' as const },
  ];
  expect(told({}, { changes: [], hosts })).toEqual([
    [false, 'it was made for one/jarvis, two/jarvis, and this is w-jarvis/jarvis', there],
  ]);
  expect(told({}, { changes: [], hosts: [first, ...hosts] })).toEqual([]);
  expect(told({}, { changes: [], hosts: [{ ...first, status: 'unreachable' }] })).toEqual([
    [false, 'it was made for no place that was observed, and this is w-jarvis/jarvis', there],
  ]);
});

test('it is for one major version, one roster and 24 hours', () => {
  expect(told({ toolVersion: '1.0.0' })).toEqual([[true, 'fleet 0.0.0 made it, and this is 1.0.0', AGAIN]]);
  const other = 'f'.repeat(64);
  expect(told({ roster: { path: 'x.yaml', sha256: other } })).toEqual([
    [
      true,
      `the roster x.yaml was changed since (SHA-256 ${saved.roster.sha256.slice(0, 12)}… when it was planned, ffffffffffff… now)`,
      AGAIN,
    ],
  ]);
  const day = 24 * 3_600_000;
  expect(told({ now: w.NOW + day - 1 })).toEqual([]);
  const old = [[true, `it was good for 24 hours, until ${new Date(w.NOW + day).toISOString()}`, AGAIN]];
  expect(told({ now: w.NOW + day })).toEqual(old);
  expect(told({}, { expires: 'never' })).toEqual([[true, 'it was good for 24 hours, until never', AGAIN]]);
});

test('clocks may differ by five minutes, and no more', () => {
  expect(told({ now: w.NOW - 300_000 })).toEqual([]);
  expect(told({ now: w.NOW - 300_001 })).toEqual([
    [true, `it was made at ${saved.created}, which by this clock is yet to come`, AGAIN],
  ]);
});

test('its policy is read back as it was written', () => {
  expect(Object.keys(saved.policy)).toContain('even_if_busy');
  expect(policyOfSaved(saved)).toEqual(POLICY);
});

test('whether a file may be replaced by a plan: it holds one, of whatever version', () => {
  const holds = ['{"kind":"fleet.plan"}', '{"kind":"fleet.observed"}', '[]', '"fleet.plan"', 'null', '{"kind":'];
  expect(holds.map(looksLikePlan)).toEqual([true, false, false, false, false, false]);
});

test('a document of which only one of its two checksums fits is refused', () => {
  const { seal, ...sealed } = saved;
  expect(seal).toBe(sha256(canonicalJson(sealed)));
  const otherId = { ...sealed, plan_id: 'f'.repeat(64) };
  const otherSeal = { ...saved, expires: '2099-01-01T00:00:00.000Z' };
  for (const document of [{ ...otherId, seal: sha256(canonicalJson(otherId)) }, otherSeal]) {
    expect(parseSavedPlan(JSON.stringify(document)).ok).toBe(false);
  }
  expect(parseSavedPlan('{"kind":"fleet.plan","format_version":"1.0"}')).toMatchObject({
    error: { detail: 'is the output of `fleet plan --json`: it lacks what apply must know later' },
  });
});

test('of a file it covers what is recorded of that file, and not of its agent', () => {
  const files: Break = (o) => {
    w.filesOf(o).env_files['coder'] = { state: 'absent' };
    w.filesOf(o).launcher = { state: 'absent' };
  };
  const memory = w.owning(w.roster(FLEET), ['coder']);
  const plan = savePlan({ plan: planOf({ yaml: FLEET, breaks: [files] }), policy: POLICY, memory, rosterFile: '/r' });
  expect(Object.keys(plan.inventory)).toEqual(['env-file/fleet.launch', 'env-file/coder']);
  expect(plan.inventory['env-file/fleet.launch']).toBeNull();
  expect(plan.inventory['env-file/coder']).toBe(sha256(canonicalJson(memory.owned['env-file/coder'])));
});

test('what its inventory covers: the agent of each session and unit, and each resource', () => {
  expect(Object.keys(saved.inventory).sort()).toEqual(['coder', 'session/coder', 'unit/fleet-agent@coder.service']);
});

test('a document of another kind or major version, torn or edited is refused', () => {
  const text = renderSavedPlan(saved);
  expect(parseSavedPlan(text)).toEqual({ ok: true, value: JSON.parse(text) });
  const detail = (changed: string) => {
    const found = parseSavedPlan(changed);
    return found.ok ? null : found.error.detail;
  };
  const none = 'is no fleet plan (torn, or written by something else)';
  for (const other of [text.slice(0, -9), '[]', '"x"', 'null', '{"kind":"fleet.observed"}'])
    expect(detail(other)).toBe(none);
  expect(detail('{"kind":"fleet.plan","format_version":2}')).toBe('has format 2, this fleet reads 1.x');
  expect(detail('{"kind":"fleet.plan","format_version":"2.0"}')).toBe('has format "2.0", this fleet reads 1.x');
  expect(detail(text.replace('"applyable":true', '"applyable":false'))).toContain('was changed since');
});

test('secrets are struck out of all that a finding shows, and of nothing that it is made by', () => {
  const mask = (text: string): string => text.replaceAll('hunter2', '***');
  const [change] = made.changes;
  if (change === undefined) throw new Error('no change');
  const view = { a: 'hunter2', b: ['hunter2', 1], c: { d: 'hunter2', e: null }, f: true };
  const struck = { a: '***', b: ['***', 1], c: { d: '***', e: null }, f: true };
  const patch = [
    { op: 'add', path: '/hunter2', value: view },
    { op: 'remove', path: '/x' },
  ] as const;
  const own = {
    ...change,
    before: view,
    after: view,
    patch,
    evidence: ['hunter2'],
    precondition: { file_sha256: 'hunter2' },
  };
  const masked = {
    ...{ ...own, before: struck, after: struck, evidence: ['***'] },
    patch: [
      { op: 'add', path: '/hunter2', value: struck },
      { op: 'remove', path: '/x' },
    ],
  };
  const deferred = { ...own, why: 'busy', remedy: 'hunter2' } as const;
  const blocked = {
    address: 'a',
    agent: null,
    reason: 'parked',
    guard: 'masked',
    evidence: ['hunter2'],
    remedy: 'r',
    source: null,
  } as const;
  const warning = { address: 'a', agent: null, reason: 'parked', evidence: ['hunter2'] } as const;
  const unknown = { address: 'a', agent: null, why: 'w', detail: 'hunter2' };
  const unmanaged = { address: 'a', why: 'hunter2' };
  const findings = [
    { bucket: 'change', change: own },
    { bucket: 'deferred', change: deferred },
    { bucket: 'blocked', blocked },
    { bucket: 'warning', warning },
    { bucket: 'unknown', unknown },
    { bucket: 'unmanaged', unmanaged },
  ] as const;
  expect(maskFindings(mask, findings)).toEqual([
    { bucket: 'change', change: masked },
    { bucket: 'deferred', change: { ...masked, why: 'busy', remedy: 'hunter2' } },
    { bucket: 'blocked', blocked: { ...blocked, evidence: ['***'] } },
    { bucket: 'warning', warning: { ...warning, evidence: ['***'] } },
    { bucket: 'unknown', unknown: { ...unknown, detail: '***' } },
    { bucket: 'unmanaged', unmanaged: { ...unmanaged, why: '***' } },
  ]);
  expect(maskFindings(undefined, findings)).toBe(findings);
});

test('how an agent is, in one word: by its session, its pane and its heartbeat', () => {
  const roster = w.roster(FLEET);
  const [coder] = roster.agents;
  if (coder === undefined) throw new Error('no coder');
  const ready = (breakIt: Break = () => {}, seen: 'there' | 'absent' | 'unseen' = 'there') => {
    const o = w.healthy(roster);
    breakIt(o);
    const session = seen === 'there' ? w.session(o, 'coder') : seen === 'absent' ? null : undefined;
    const { word, idle } = readiness(o as Observed, coder, session as never, w.NOW);
    return [word, idle];
  };
  const active =
    (seconds: number | null): Break =>
    (o) => {
      w.paneOf(o, 'coder').window_activity = seconds === null ? null : w.NOW / 1000 - seconds;
    };
  const beat =
    (...args: Parameters<typeof w.beat>): Break =>
    (o) => {
      w.heartbeatsOf(o, 'coder').beat = w.beat(...args);
    };
  expect(ready()).toEqual(['available', 400_000]);
  expect(ready(active(300))).toEqual(['working', 300_000]);
  expect(ready(active(-5))).toEqual(['working', 0]);
  expect(ready(active(null))).toEqual(['available', 400_000]);
  expect(ready(beat(2000, 5, 'busy'))).toEqual(['working', 400_000]);
  expect(ready(beat(2000, 600))).toEqual(['stale', 400_000]);
  for (const other of [beat(2000, -600), beat(4711, 5)]) expect(ready(other)[0]).toBe('unknown');
  expect(ready((o) => Object.assign(w.heartbeatsOf(o, 'coder'), { beat: { state: 'absent' } }))[0]).toBe('unknown');
  expect(ready(() => {}, 'absent')).toEqual(['dead', null]);
  expect(ready(() => {}, 'unseen')).toEqual(['unknown', null]);
  for (const verdict of [{ verdict: 'dead', status: 1, signal: null }, { verdict: 'gone' }] as const) {
    expect(ready(runs('coder', verdict))[0]).toBe('dead');
  }
  expect(ready((o) => Object.assign(w.session(o, 'coder'), { panes: [] }))[0]).toBe('dead');
});
