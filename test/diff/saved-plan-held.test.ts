import { expect, test } from 'vitest';
import { EMPTY_MEMORY } from '../../src/diff/policy.ts';
import { savePlan } from '../../src/diff/saved-plan.ts';
import { heldSince } from '../../src/diff/saved-plan-held.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import { FLEET } from './rosters.ts';
import * as w from './world.ts';

const fleet = w.roster(FLEET);
const observed = w.healthy(fleet);
w.dropSession(observed, 'coder');
const plan = savePlan({ plan: w.planOf(fleet, observed), policy: w.POLICY, memory: EMPTY_MEMORY, rosterFile: '/r' });
const NONE = { crash_loops: {}, contested: [], pauses: [] };
const held = (holds: object): string | null =>
  heldSince(plan, { ...NONE, ...holds }, fleet.agents, w.HOME)?.remedy ?? null;
const paused = (target: string | null) => ({
  pauses: [{ target, reason: 'r', until: null, since: '2026-06-01T11:00:00Z', by: 'jarvis' }],
});

test('a pause of what the plan changes, or of everything, holds it; one of something else does not', () => {
  expect(held({})).toBeNull();
  expect(held(paused('coder'))).toBe('fleet resume coder');
  expect(held(paused('session/coder'))).toBe('fleet resume session/coder');
  expect(held(paused(null))).toBe('fleet resume --all');
  expect(held(paused('stub'))).toBeNull();
});

test('a crash loop of the same spec holds what brings its agent up; of another spec or agent it does not', () => {
  const [coder, stub] = fleet.agents;
  if (coder === undefined || stub === undefined) throw new Error('no agents');
  const loop = (name: string, spec: string) => ({
    crash_loops: { [name]: { spec, since: '2026-06-01T11:00:00Z', restarts: 5, window: 900_000 } },
  });
  expect(held(loop('coder', fingerprint(coder, w.HOME)))).toBe('mend what ends it, then: fleet reset coder');
  expect(held(loop('coder', 'another'))).toBeNull();
  expect(held(loop('stub', fingerprint(stub, w.HOME)))).toBeNull();
});
