import { describe, expect, test } from 'vitest';
import type { PlanMemory } from '../../src/diff/policy.ts';
import * as seen from '../diff/world.ts';
import { FLEET, MOSAIC, NO_SUPERVISOR } from './rosters.ts';
import { Died, OPERATORS_LINE, type Trouble, World } from './world.ts';

type Break = (world: World) => void;

const STUB_INSTEAD_OF_PI: Break = (w) => {
  const { pid } = seen.paneOf(w.truth, 'canary-pi');
  w.runs('canary-pi', { verdict: 'runtime', runtime: 'stub', strength: 'strong', pid: pid ?? 0, evidence: 'script' });
};

const COMMON: Readonly<Record<string, Break>> = {
  'a session killed': (w) => w.dropSession('coder'),
  'a dead pane': (w) => w.runs('coder', { verdict: 'dead', status: null, signal: '9' }),
  'a shell left': (w) =>
    w.runs('coder', { verdict: 'shell', pid: seen.paneOf(w.truth, 'coder').pid ?? 0, program: 'bash' }),
  'the wrong runtime': STUB_INSTEAD_OF_PI,
  'the whole server killed': (w) => w.killServer(),
  'the socket file deleted': (w) => w.deleteSocket(),
  'the holder session killed': (w) => w.dropSession('_holder'),
  'an env key changed': (w) => w.put(w.envPath('coder'), w.text(w.envPath('coder'))?.replace('worker', 'other') ?? ''),
  'an env file deleted': (w) => w.disk.delete(w.envPath('coder')),
};

const SYSTEMD: Readonly<Record<string, Break>> = {
  'a unit disabled': (w) => Object.assign(w.agentUnit('coder'), { unit_file_state: 'disabled', wanted_by: [] }),
  'a unit enabled for the runtime only': (w) =>
    Object.assign(w.agentUnit('coder'), { unit_file_state: 'enabled-runtime' }),
  'the holder disabled': (w) =>
    Object.assign(w.unit(w.layout.holderUnit), { unit_file_state: 'disabled', wanted_by: [] }),
  'a unit failed, its session gone': (w) => {
    w.dropSession('coder');
    Object.assign(w.agentUnit('coder'), { active_state: 'failed', sub_state: 'failed', result: 'exit-code' });
  },
  'a unit file changed since it was loaded': (w) => Object.assign(w.agentUnit('coder'), { need_daemon_reload: true }),
  'linger switched off': (w) => {
    w.truth.sources.linger = seen.known({ user: 'jarvis', enabled: false });
  },
};

const BOOT_UNWANTED: Readonly<Record<string, Break>> = {
  enabled: (w) => Object.assign(w.agentUnit('coder'), { unit_file_state: 'enabled', wanted_by: ['default.target'] }),
  'enabled for the runtime only': (w) => Object.assign(w.agentUnit('coder'), { unit_file_state: 'enabled-runtime' }),
};

const FLEET_ONLY: Readonly<Record<string, Break>> = {
  'a unit inactive, its session fine': (w) => Object.assign(w.agentUnit('coder'), { active_state: 'inactive' }),
  'a unit file edited': (w) =>
    w.put(w.unitPath('fleet-agent@.service'), `${w.text(w.unitPath('fleet-agent@.service'))}# by hand\n`),
  'enabled in a target that does not come up at boot': (w) =>
    Object.assign(w.agentUnit('coder'), { wanted_by: ['nowhere.target'] }),
  'the launcher edited': (w) => w.put(`${seen.HOME}/.local/share/fleet/launch`, '#!/bin/sh\n', 0o700),
  'an argv file deleted': (w) => w.disk.delete(w.argvPath('coder')),
};

const LAYOUTS: readonly (readonly [string, string, Readonly<Record<string, Break>>])[] = [
  ['layout mosaic', MOSAIC, { ...COMMON, ...SYSTEMD }],
  ['layout fleet', FLEET, { ...COMMON, ...SYSTEMD, ...FLEET_ONLY, 'nothing there yet': (w) => w.empty() }],
  ['boot: false', FLEET.replace('{ name: coder }', '{ name: coder, boot: false }'), BOOT_UNWANTED],
  ['supervisor none', NO_SUPERVISOR, { ...COMMON, 'nothing there yet': (w) => w.empty() }],
];

for (const [name, roster, breaks] of LAYOUTS) {
  describe(name, () => {
    test('a fleet that is well plans nothing and is left as it is', async () => {
      const world = new World(roster);
      expect(world.drift()).toEqual([]);
      const { summary } = await world.apply();
      expect(summary.applied).toBe(0);
      expect(world.steps).toEqual([]);
    });

    for (const [what, breakIt] of Object.entries(breaks)) {
      test(`${what}: planned, repaired, and gone from the next plan`, async () => {
        const world = new World(roster);
        breakIt(world);
        expect(world.drift()).not.toEqual([]);
        const others = ['orchestrator', 'reviewer']
          .filter((n) => world.has(n))
          .map((n) => world.session(n).panes[0]?.pid);
        const plan = world.plan();
        const { summary, outcomes } = await world.apply({ plan });
        expect(outcomes.filter((o) => o.outcome !== 'applied')).toEqual([]);
        if (summary.replan_needed) await world.apply();
        expect(world.drift()).toEqual([]);
        if (others.length > 0) {
          expect(['orchestrator', 'reviewer'].map((n) => world.session(n).panes[0]?.pid)).toEqual(others);
        }
        const steps = world.steps.length;
        const disk = new Map(world.disk);
        expect((await world.apply()).summary.applied).toBe(0);
        expect(world.steps.length).toBe(steps);
        // The same plan once more finds all of it done, and does nothing.
        const again = await world.apply({ plan });
        expect(again.outcomes.map((o) => (o.outcome === 'skipped' ? o.why : o.outcome))).toEqual(
          plan.changes.map(() => 'already-satisfied'),
        );
        expect(world.steps.length).toBe(steps);
        expect(world.disk).toEqual(disk);
      });
    }

    test.each<Trouble>(['fail', 'hang', 'die'])(
      'whatever step may %s, running it again ends in the same state',
      async (what) => {
        const breakAll = (w: World) => {
          if (w.launcher) w.empty();
          else {
            STUB_INSTEAD_OF_PI(w);
            w.dropSession('coder');
            w.put(w.envPath('reviewer'), 'BROKEN=1\n');
            for (const unit of w.units()) Object.assign(unit, { unit_file_state: 'disabled', wanted_by: [] });
          }
        };
        const undisturbed = new World(roster);
        breakAll(undisturbed);
        await undisturbed.apply();
        for (let step = 1; ; step += 1) {
          const world = new World(roster);
          breakAll(world);
          world.countsState = true;
          world.trouble = { step, what };
          const first = world.apply();
          if (what === 'die') await first.catch(onlyDied);
          else await first;
          if (world.steps.length < step) break;
          world.trouble = null;
          await world.apply();
          for (let again = 0; again < 2 && world.drift().length > 0; again += 1) await world.apply();
          const { owned, interrupted } = world.memory();
          expect({ step: world.steps[step - 1], left: world.drift(), owned: known(owned), interrupted }).toEqual({
            step: world.steps[step - 1],
            left: [],
            owned: known(undisturbed.memory().owned),
            interrupted: null,
          });
          expect(step).toBeLessThan(100);
        }
      },
    );
  });
}

const known = (owned: PlanMemory['owned']) =>
  Object.entries(owned).map(([key, record]) => [key, record.state, record.how]);

function onlyDied(error: unknown): void {
  if (!(error instanceof Died)) throw error;
}

test('the fleet of record: one agent replaced, five units enabled, the others and the operator untouched', async () => {
  const world = new World(MOSAIC);
  STUB_INSTEAD_OF_PI(world);
  for (const unit of world.units()) Object.assign(unit, { unit_file_state: 'disabled', wanted_by: [] });
  world.put(world.envPath('canary-pi'), `${OPERATORS_LINE}MOSAIC_AGENT_COMMAND=python3 ~/stub.py\n`, 0o640);
  const holder = world.session('_holder').panes[0]?.pid;
  const { outcomes } = await world.apply();
  expect(
    outcomes.map((o) => `${o.outcome} ${o.action} ${o.address.slice('w-jarvis/jarvis/'.length)} ${o.reason}`),
  ).toMatchInlineSnapshot(`
    [
      "applied update env-file/canary-pi env-file-changed",
      "applied enable unit/mosaic-tmux-holder.service boot-disabled",
      "applied enable unit/mosaic-agent@canary-pi.service boot-disabled",
      "applied enable unit/mosaic-agent@coder.service boot-disabled",
      "applied enable unit/mosaic-agent@orchestrator.service boot-disabled",
      "applied enable unit/mosaic-agent@reviewer.service boot-disabled",
      "applied restart session/canary-pi runtime-mismatch",
    ]
  `);
  expect(world.text(world.envPath('canary-pi'))).toMatch(OPERATORS_LINE);
  expect(world.text(world.envPath('canary-pi'))).not.toMatch('MOSAIC_AGENT_COMMAND');
  expect(world.disk.get(world.envPath('canary-pi'))?.mode).toBe(0o640);
  expect(world.session('_holder').panes[0]?.pid).toBe(holder);
  expect(Object.keys(world.memory().sessions)).toEqual(['canary-pi']);
  expect(world.drift()).toEqual([]);
});

test('linger off and no user manager: linger alone, then the manager is waited for and the rest planned anew', async () => {
  const world = new World(MOSAIC);
  world.agentUnit('coder').unit_file_state = 'disabled';
  world.stopManager();
  const plan = world.plan();
  expect(plan.changes.map((c) => c.reason)).toEqual(['linger-disabled']);
  const { summary } = await world.apply({ plan });
  expect(summary.replan_needed).toBe(true);
  expect(world.drift()).toEqual(['enable unit/mosaic-agent@coder.service boot-disabled']);
});
