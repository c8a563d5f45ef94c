/** One test a sentence of docs/contract.md, section 4. */
import { describe, expect, test } from 'vitest';
import { isComplete } from '../../src/cli/commands/observe.ts';
import {
  type ApplyFindings,
  applyExitCode,
  EXIT,
  lookExitCode,
  planExitCode,
  signalExitCode,
  worst,
} from '../../src/cli/exit-codes.ts';
import type { Blocked, Change, DeferredChange, Guard, Unobserved } from '../../src/diff/plan.ts';
import { FLEET, NONE } from '../diff/rosters.ts';
import { healthy, roster, tmuxOf } from '../diff/world.ts';

const CHANGE: Change = {
  address: 'h/t/session/a',
  host: 'h',
  tenant: 't',
  agent: 'a',
  kind: 'session',
  action: 'restart',
  reason: 'runtime-mismatch',
  cause: 'corrective',
  before: {},
  after: {},
  patch: [],
  disruption: 'restart',
  live: { attached: 0, busy: false },
  evidence: [],
  depends_on: [],
  precondition: {},
  source: null,
  stage: 5,
  wave: 0,
  replan: false,
};
const DEFERRED: DeferredChange = { ...CHANGE, why: 'busy', remedy: null };
const UNKNOWN: Unobserved = { address: 'h/t/session/a', agent: 'a', why: 'timeout', detail: '' };
const blocked = (guard: Guard): Blocked => ({
  address: 'h/t/session/a',
  agent: 'a',
  reason: 'runtime-mismatch',
  guard,
  evidence: [],
  remedy: '',
  source: null,
});
const NOTHING = { complete: true, changes: [], deferred: [], blocked: [], unknown: [] };
const plain = { detailed: false };
const detailed = { detailed: true };

describe('plan', () => {
  test('nothing to do is 0, with and without the flag', () => {
    expect(planExitCode(NOTHING, plain)).toBe(0);
    expect(planExitCode(NOTHING, detailed)).toBe(0);
  });

  test('drift is 0, and 2 with --detailed-exitcode', () => {
    expect(planExitCode({ ...NOTHING, changes: [CHANGE] }, plain)).toBe(0);
    expect(planExitCode({ ...NOTHING, changes: [CHANGE] }, detailed)).toBe(2);
  });

  test('deferred changes are pending: 2 with --detailed-exitcode, else 0', () => {
    expect(planExitCode({ ...NOTHING, deferred: [DEFERRED] }, plain)).toBe(0);
    expect(planExitCode({ ...NOTHING, deferred: [DEFERRED] }, detailed)).toBe(2);
  });

  test.each([plain, detailed])('what could not be observed is 3, with and without the flag (%o)', (options) => {
    expect(planExitCode({ ...NOTHING, complete: false, unknown: [UNKNOWN] }, options)).toBe(3);
    expect(planExitCode({ ...NOTHING, blocked: [blocked('unobserved')] }, options)).toBe(3);
  });

  test.each([plain, detailed])('a refused action is 4, with and without the flag (%o)', (options) => {
    for (const guard of ['protect', 'masked', 'max-destroy', 'max-disrupt', 'crash-loop', 'missing'] as const) {
      expect(planExitCode({ ...NOTHING, blocked: [blocked(guard)] }, options)).toBe(4);
    }
  });

  test('blocked and pending together are 4, incomplete and pending 3', () => {
    expect(planExitCode({ ...NOTHING, changes: [CHANGE], blocked: [blocked('protect')] }, detailed)).toBe(4);
    expect(planExitCode({ ...NOTHING, changes: [CHANGE], complete: false }, detailed)).toBe(3);
  });

  test('paused never changes the code', () => {
    expect(planExitCode({ ...NOTHING, blocked: [blocked('paused')] }, detailed)).toBe(0);
  });
});

describe('apply', () => {
  const DONE: ApplyFindings = {
    applied: 0,
    failed: 0,
    begun: 0,
    stale: 0,
    satisfied: 0,
    notAttempted: 0,
    deferred: 0,
    plan: NOTHING,
  };

  test('everything applied is 0, also with --detailed-exitcode', () => {
    const applied = { ...DONE, applied: 1, plan: { ...NOTHING, changes: [CHANGE] } };
    expect(applyExitCode(applied, plain)).toBe(0);
    expect(applyExitCode(applied, detailed)).toBe(0);
  });

  test('deferred changes are 2 under --detailed-exitcode, else 0, whether plan or apply deferred them', () => {
    for (const found of [
      { ...DONE, applied: 1, plan: { ...NOTHING, deferred: [DEFERRED] } },
      { ...DONE, applied: 1, deferred: 1 },
    ]) {
      expect(applyExitCode(found, plain)).toBe(0);
      expect(applyExitCode(found, detailed)).toBe(2);
    }
  });

  test('3 and 4 hold for apply too', () => {
    expect(applyExitCode({ ...DONE, applied: 1, plan: { ...NOTHING, complete: false } }, plain)).toBe(3);
    expect(applyExitCode({ ...DONE, applied: 1, plan: { ...NOTHING, blocked: [blocked('protect')] } }, plain)).toBe(4);
  });

  test('7 where anything was changed and anything failed, stale or was not attempted', () => {
    for (const part of [{ failed: 1 }, { stale: 1 }, { notAttempted: 1 }]) {
      expect(applyExitCode({ ...DONE, applied: 1, ...part }, plain)).toBe(7);
    }
  });

  test('7 where an effect had begun when it failed: something may have been changed', () => {
    expect(applyExitCode({ ...DONE, failed: 2, begun: 1 }, plain)).toBe(7);
    expect(
      applyExitCode({ ...DONE, failed: 1, begun: 1, plan: { ...NOTHING, blocked: [blocked('protect')] } }, plain),
    ).toBe(7);
  });

  test('1 where something failed before its effect and nothing was changed', () => {
    expect(applyExitCode({ ...DONE, failed: 1, notAttempted: 2 }, plain)).toBe(1);
  });

  test('5 where every change was stale and none was made', () => {
    expect(applyExitCode({ ...DONE, stale: 2 }, plain)).toBe(5);
    expect(applyExitCode({ ...DONE, stale: 2, satisfied: 1 }, plain)).toBe(7);
  });

  test('a failure outweighs what was blocked', () => {
    const found = { ...DONE, failed: 1, plan: { ...NOTHING, blocked: [blocked('protect')] } };
    expect(applyExitCode(found, plain)).toBe(1);
  });
});

test('observe, ps and explain are 0 or 3', () => {
  expect(lookExitCode(true)).toBe(0);
  expect(lookExitCode(false)).toBe(3);
});

describe('observe is complete', () => {
  const unseen = { status: 'unknown', why: 'no-runtime-directory', detail: 'x' } as const;

  test('without a user manager where the supervisor is none, and not where it is systemd', () => {
    const none = healthy(roster(NONE));
    none.sources.units = unseen;
    none.sources.linger = unseen;
    expect(isComplete(none, 'none')).toBe(true);
    expect(isComplete(none, 'systemd')).toBe(false);
    for (const source of ['units', 'linger'] as const) {
      const fleet = healthy(roster(FLEET));
      expect(isComplete(fleet, 'systemd')).toBe(true);
      fleet.sources[source] = unseen;
      expect(isComplete(fleet, 'systemd')).toBe(false);
    }
  });

  test('only where every other source is known, and every server', () => {
    for (const source of ['tmux', 'processes', 'files', 'heartbeats'] as const) {
      const seen = healthy(roster(NONE));
      seen.sources[source] = unseen;
      expect(isComplete(seen, 'none'), source).toBe(false);
    }
    const seen = healthy(roster(NONE));
    tmuxOf(seen).server = { state: 'unknown', why: 'timeout', detail: 'x' };
    expect(isComplete(seen, 'none')).toBe(false);
  });
});

test('several outcomes: 7, else 1 over 5 over 6 over 4 over 3 over 2 over 0', () => {
  const order = [
    EXIT.partial,
    EXIT.error,
    EXIT.stale,
    EXIT.locked,
    EXIT.blocked,
    EXIT.incomplete,
    EXIT.pending,
  ] as const;
  order.forEach((code, i) => {
    expect(worst([...order.slice(i), EXIT.done].reverse())).toBe(code);
  });
  expect(worst([])).toBe(0);
});

test('SIGHUP is 129, SIGINT 130, SIGTERM 143', () => {
  expect([signalExitCode('SIGHUP'), signalExitCode('SIGINT'), signalExitCode('SIGTERM')]).toEqual([129, 130, 143]);
});
