/**
 * Who listens on which socket could not be read: a server that nobody named may live unseen, and whoever is missing may
 * be on it. Nothing is started for him, nothing of his is removed, and no record of his is let go of.
 */
import { describe, expect, test } from 'vitest';
import { adoptionOf } from '../../src/diff/adopt-address.ts';
import { createContext, type PlanContext } from '../../src/diff/context.ts';
import { createIgnoreLedger } from '../../src/diff/ignore.ts';
import { forgettingOf } from '../../src/diff/letting-go.ts';
import { EMPTY_MEMORY, type PlanMemory } from '../../src/diff/policy.ts';
import { unseenServers } from '../../src/diff/unseen-servers.ts';
import type { Observed } from '../../src/observe/state.ts';
import { coderWith, FLEET, MOSAIC, NONE } from './rosters.ts';
import { type Break, drop, lines, planOf, shell, socket, unit } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const unseen: Break = (o) => {
  if (o.sources.tmux.status !== 'known') throw new Error('tmux unknown');
  o.sources.tmux.value.unseen_servers = { status: 'unknown', why: 'io', detail: '/proc/self/net/unix: EMFILE' };
};
const gone: Break = (o) => Object.assign(w.tmuxOf(o), { server: { state: 'absent' }, listening: [] });

describe.each([
  ['fleet', FLEET],
  ['mosaic', MOSAIC],
  ['none', NONE],
])('layout %s', (_name, yaml) => {
  test('a missing agent is unknown, and the plan says what could not be seen', () => {
    const row = { yaml, breaks: [drop('coder'), unseen] };
    expect(lines(row)).toEqual(['unknown(io) session/coder']);
    const plan = planOf(row);
    expect([plan.complete, plan.changes]).toEqual([false, []]);
    expect(plan.unknown[0]?.detail).toBe(
      'session missing, left alone: a tmux server not known of (it may hold coder): /proc/self/net/unix: EMFILE',
    );
  });

  test('no server is started where there is none', () => {
    expect(lines({ yaml, breaks: [gone, unseen] }).filter((l) => !l.startsWith('unknown'))).toEqual([]);
  });

  test('who is there is repaired as ever', () => {
    expect(lines({ yaml, breaks: [unseen] })).toEqual([]);
    expect(lines({ yaml, breaks: [shell('coder'), unseen] })).toEqual(['restart session/coder shell-left']);
  });
});

test('a unit without its session is not started either', () => {
  const failed = unit('fleet-agent@coder.service', { active_state: 'failed', result: 'x' });
  expect(lines({ yaml: FLEET, breaks: [failed, drop('coder'), unseen] })).toEqual(['unknown(io) session/coder']);
});

test('an agent that must be stopped may be there', () => {
  const yaml = coderWith('state: stopped');
  const off = unit('fleet-agent@coder.service', {
    unit_file_state: 'disabled',
    wanted_by: [],
    active_state: 'inactive',
  });
  expect(lines({ yaml, was: FLEET, breaks: [off, drop('coder'), unseen] })).toEqual(
    lines({ yaml, was: FLEET, breaks: [off, drop('coder'), hung] }).map((l) => l.replace('timeout', 'io')),
  );
});

const hung = socket('hung', { state: 'unknown', why: 'timeout', detail: 'x' });

describe('what is left of an agent', () => {
  const was = FLEET.replace('agents:\n', 'agents:\n  - { name: gone, runtime: dogfood }\n');
  const memory = w.owning(w.roster(was), ['gone']);
  const row = { yaml: FLEET, was, memory, policy: { prune: true } };

  test('stays where its session may be unseen', () => {
    expect(lines({ ...row, breaks: [drop('gone'), unseen] })).toEqual(['unknown(io) session/gone']);
  });

  test('goes where its session was seen', () => {
    expect(lines({ ...row, breaks: [unseen] })[0]).toBe('stop session/gone orphan-session');
  });
});

describe('by hand', () => {
  function contextOf(breakIt: Break, memory: PlanMemory = EMPTY_MEMORY): PlanContext {
    const roster = w.roster(FLEET);
    const observed = w.healthy(roster);
    breakIt(observed);
    unseen(observed);
    const ignore = createIgnoreLedger([], w.NOW);
    return createContext({
      ...{ roster, observed: observed as Observed, memory, agents: roster.agents, ignore },
      policy: w.POLICY,
    });
  }
  const detail = 'a tmux server not known of: /proc/self/net/unix: EMFILE';

  test('forget refuses: a session may bear the mark where nobody can look', () => {
    const refused =
      forgettingOf(
        contextOf(() => {}, w.owning(w.roster(FLEET), ['coder'])),
        'coder',
      )?.refused ?? [];
    expect(refused.map((r) => r.guard)).toEqual(['unobserved']);
    expect(refused[0]?.evidence).toEqual([`a session of it may bear fleet's mark where it cannot be seen: ${detail}`]);
  });

  test('adopt refuses whom it cannot find', () => {
    const found = adoptionOf(contextOf(drop('coder')), 'session/coder');
    expect(found?.takes).toEqual([]);
    const stranger = adoptionOf(
      contextOf(() => {}),
      'session/nobody',
    );
    expect(stranger?.refused.map((r) => [r.guard, r.evidence])).toEqual([['unobserved', [detail]]]);
  });
});

test('a server that could not be asked is named before what could not be looked for', () => {
  const observed = w.healthy(w.roster(FLEET));
  const { tmux } = observed.sources;
  if (tmux.status !== 'known') throw new Error('tmux unknown');
  expect(unseenServers(tmux.value)).toBeNull();
  unseen(observed);
  expect(unseenServers(tmux.value)?.place).toBe('a tmux server not known of');
  hung(observed);
  expect(unseenServers(tmux.value)).toEqual({ why: 'timeout', place: 'tmux socket hung', detail: 'x' });
});
