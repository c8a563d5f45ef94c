/** The command under test on one host as one user, and the one way in which the tests apply. */
import { expect } from 'vitest';
import type { Plan } from '../../../src/diff/plan.ts';
import { note, type Ran } from './execute.ts';
import type { AsOptions, Host } from './host.ts';
import { keepForFailure } from './on-host.ts';
import { foreignTo, snapshot, withoutState } from './snapshot.ts';

export interface Planned {
  readonly plan: Plan;
  readonly code: number | null;
  /** Exit code of `fleet observe`, asked right after. */
  readonly observeCode: number | null;
}

export interface Expected {
  /** The changes, as `kind/name reason`; every one, in any order. */
  readonly changes: readonly string[];
  /** Warnings of the plan that finds the drift, as `kind/name reason`. Absent: not looked at. */
  readonly warnings?: readonly string[];
  readonly flags?: readonly string[];
  /** Exit code of that plan with --detailed-exitcode. */
  readonly planCode?: number;
  /** What the plans after the repair still warn of. */
  readonly warningsAfter?: readonly string[];
}

export interface Fleet {
  readonly host: Host;
  readonly user: string;
  run(args: readonly string[], as?: AsOptions): Promise<Ran>;
  plan(flags?: readonly string[]): Promise<Planned>;
  apply(flags?: readonly string[]): Promise<Ran>;
  /**
   * Plans, expects just these changes, applies them, and expects that this settles it: apply succeeds, the next plan is
   * empty, a second apply changes nothing at all, and whatever the plan did not name is the very thing it was.
   */
  applyAndSettle(expected: Expected): Promise<Planned>;
  /** Applies, and expects this exit code and that nothing at all was touched: what it printed. */
  applyTouchesNothing(code: number): Promise<string>;
  /** Plans, expects no change and just these refusals (`kind/name reason guard`), and that apply refuses too and touches nothing. */
  leavesAlone(blocked: readonly string[]): Promise<Plan>;
  /** Expects an empty plan, without warnings. */
  expectClean(): Promise<void>;
}

export function fleetOn(host: Host, user: string, roster: string, as: AsOptions = {}): Fleet {
  const run = (args: readonly string[], more: AsOptions = {}): Promise<Ran> =>
    host.fleet(user, args, { ...as, ...more });

  const plan = async (flags: readonly string[] = []): Promise<Planned> => {
    const ran = await run(['plan', '--json', '--detailed-exitcode', '-f', roster, ...flags]);
    keepForFailure('plan.json', ran.stdout);
    const observed = await run(['observe', '-f', roster]);
    keepForFailure('observed.json', observed.stdout);
    return { plan: parsePlan(ran), code: ran.code, observeCode: observed.code };
  };
  const apply = (flags: readonly string[] = []): Promise<Ran> => run(['apply', '-y', '-f', roster, ...flags]);

  const applyAndSettle = async (expected: Expected): Promise<Planned> => {
    const found = await plan(expected.flags);
    expect(driftOf(found.plan)).toEqual([...expected.changes].sort());
    if (expected.warnings !== undefined) expect(warningsOf(found.plan)).toEqual([...expected.warnings].sort());
    expect(found.code).toBe(expected.planCode ?? 2);
    await applyPlanned(found, expected);
    return found;
  };

  const applyPlanned = async (found: Planned, expected: Expected): Promise<void> => {
    const before = await snapshot(host, user);
    expectSuccess(await apply(expected.flags));
    note('apply is done: the rest must find nothing to do');
    const settled = await plan(expected.flags);
    expectEmpty(settled, expected.warningsAfter ?? []);
    const after = await snapshot(host, user);
    expect(foreignTo(found.plan.changes, after)).toEqual(foreignTo(found.plan.changes, before));

    expectSuccess(await apply(expected.flags));
    expect(withoutState(await snapshot(host, user))).toEqual(withoutState(after));
  };

  const applyTouchesNothing = async (code: number): Promise<string> => {
    const before = withoutState(await snapshot(host, user));
    const ran = await apply();
    expect(ran.code, ran.stdout + ran.stderr).toBe(code);
    expect(withoutState(await snapshot(host, user))).toEqual(before);
    return ran.stdout + ran.stderr;
  };

  const leavesAlone = async (blocked: readonly string[]): Promise<Plan> => {
    const found = await plan();
    expect({ changes: driftOf(found.plan), blocked: blockedOf(found.plan), code: found.code }).toEqual({
      changes: [],
      blocked,
      code: 4,
    });
    await applyTouchesNothing(4);
    return found.plan;
  };

  const expectClean = async (): Promise<void> => expectEmpty(await plan(), []);
  return { host, user, run, plan, apply, applyAndSettle, applyTouchesNothing, leavesAlone, expectClean };
}

/** `kind/name reason` of each change, sorted. */
export function driftOf(plan: Plan): readonly string[] {
  return plan.changes.map(({ address, reason }) => `${shortOf(address)} ${reason}`).sort();
}
export function warningsOf(plan: Plan): readonly string[] {
  return plan.warnings.map(({ address, reason }) => `${shortOf(address)} ${reason}`).sort();
}
export function blockedOf(plan: Plan): readonly string[] {
  return plan.blocked.map(({ address, reason, guard }) => `${shortOf(address)} ${reason} ${guard}`).sort();
}
export function unmanagedOf(plan: Plan): readonly string[] {
  return plan.unmanaged.map(({ address }) => shortOf(address)).sort();
}

/** An address without host and tenant. */
function shortOf(address: string): string {
  return address.split('/').slice(2).join('/');
}

function expectEmpty({ plan, code, observeCode }: Planned, warnings: readonly string[]): void {
  expect({
    changes: driftOf(plan),
    deferred: plan.deferred.map(({ address, why }) => `${shortOf(address)} ${why}`),
    blocked: blockedOf(plan),
    unknown: plan.unknown,
    warnings: warningsOf(plan),
    code,
    observeCode,
  }).toEqual({
    changes: [],
    deferred: [],
    blocked: [],
    unknown: [],
    warnings: [...warnings].sort(),
    code: 0,
    observeCode: 0,
  });
}

export function expectSuccess(ran: Ran): void {
  expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
}

function parsePlan(ran: Ran): Plan {
  try {
    return JSON.parse(ran.stdout) as Plan;
  } catch {
    throw new Error(`plan --json printed no JSON (exit ${ran.code}):\n${ran.stdout}\n${ran.stderr}`);
  }
}
