/** The server that the inventory has an agent's session on lives, and nobody looked into it: the agent is not gone. */
import { describe, expect, test } from 'vitest';
import { createContext, type PlanContext } from '../../src/diff/context.ts';
import { createIgnoreLedger } from '../../src/diff/ignore.ts';
import { forgettingOf } from '../../src/diff/letting-go.ts';
import type { OwnedRecord, PlanMemory, RememberedSession } from '../../src/diff/policy.ts';
import { describeRecorded, recordedServer } from '../../src/diff/recorded-server.ts';
import type { Observed } from '../../src/observe/state.ts';
import { FLEET } from './rosters.ts';
import { type Break, drop, lines, planOf, running, shell, socket, source } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const ELSEWHERE = { path: '/run/x/tmux-1000/f', pid: 4242 };
/** Before the observation, in its boot. */
const SINCE = new Date(w.NOW - 60_000).toISOString();
const START = 'start session/coder session-missing';
const tmux = (o: w.Mutable<Observed>) => {
  if (o.sources.tmux.status !== 'known') throw new Error('tmux unknown');
  return o.sources.tmux.value;
};
const lives =
  (...pids: readonly number[]): Break =>
  (o) => {
    tmux(o).server_processes = [1000, ...pids].map((pid) => ({ pid, started_ms: 0 }));
  };
const elsewhereAt =
  (pid: number): Break =>
  (o) => {
    tmux(o).elsewhere = [{ ...ELSEWHERE, pid }];
  };
const elsewhere = elsewhereAt(ELSEWHERE.pid);

const meant = (agent: string, state: OwnedRecord['state'] = 'intended', since = SINCE): PlanMemory['owned'] => ({
  [`session/${agent}`]: {
    ...{ kind: 'session', name: agent, agent, how: 'made', state, protect: false, since },
    ...{ plan: 'p', content: null },
  },
});
/** `owned`: by default it was made. */
const recorded = (agent: string, pid: number, boot_id = 'b00t', owned = meant(agent, 'made')): PlanMemory => {
  const session: RememberedSession = {
    ...{ agent, socket: 'factory', server: { pid, start: 1 }, id: '$1', created: 1, spec: null },
    ...{ boot_id, done: false, plan: null },
  };
  return { sessions: { [agent]: session }, owned, interrupted: null };
};

describe('a missing agent', () => {
  const row = (memory: PlanMemory, ...breaks: readonly Break[]) => ({
    ...{ yaml: FLEET, memory },
    breaks: [drop('coder'), ...breaks],
  });

  test('is not started while its server lives at no socket that was found', () => {
    const plan = planOf(row(recorded('coder', 4242), lives(4242)));
    expect(w.lines(plan)).toEqual(['unknown(not-observed) session/coder']);
    expect(plan.unknown[0]?.detail).toBe(
      'session missing, left alone: fleet started it on the tmux server 4242, which lives, at a socket that was not found',
    );
  });

  test('is started where that server has ended, or answered, or was one of an earlier boot', () => {
    expect(lines(row(recorded('coder', 4242), lives(5)))).toEqual([START]);
    expect(lines(row(recorded('coder', 1000), lives(1000)))).toEqual([START]);
    expect(lines(row(recorded('coder', 4242, 'earlier'), lives(4242)))).toEqual([START]);
    const answers = socket('other', { ...running(), pid: 4242 });
    expect(lines(row(recorded('coder', 4242), lives(4242), answers))).toEqual([START]);
  });

  test('is started where that pid is another process by now', () => {
    const reused: Break = (o) => {
      tmux(o).server_processes = [{ pid: 4242, started_ms: 121_001 }];
    };
    expect(lines(row(recorded('coder', 4242), reused))).toEqual([START]);
    expect(lines(row(recorded('coder', 4242), reused, elsewhere))).toEqual([START]);
    const same: Break = (o) => {
      tmux(o).server_processes = [{ pid: 4242, started_ms: 121_000 }];
    };
    expect(lines(row(recorded('coder', 4242), same))).toEqual(['unknown(not-observed) session/coder']);
  });

  test('is started where that server answers here, though its path is spelled as of another directory', () => {
    expect(lines(row(recorded('coder', 1000), lives(1000), elsewhereAt(1000)))).toEqual([START]);
  });

  test('which another directory is known to have is told with it, and its pid alone does not say more', () => {
    const found = lines(row(recorded('coder', 4242), lives(4242), elsewhere));
    expect(found).toEqual(['blocked(wrong-socket) session/coder wrong-socket']);
  });

  /** Of this boot and fleet's, in that directory: the way by which fleet worked there. */
  const stub = recorded('stub', 4242).sessions;
  const died = (since = SINCE, sessions = stub): PlanMemory => ({
    ...{ sessions, owned: meant('coder', 'intended', since), interrupted: null },
  });

  test('is not started where an apply that died meant to, and fleet worked on a server in another directory', () => {
    const plan = planOf(row(died(), elsewhere));
    expect(w.lines(plan)).toEqual(['unknown(not-observed) session/coder']);
    expect(plan.unknown[0]?.detail).toContain(
      'an apply that died meant to start it, perhaps on the tmux server 4242 at',
    );
    expect(lines(row(died()))).toEqual([START]);
    expect(lines(row({ ...died(), owned: meant('coder', 'made') }, elsewhere))).toEqual([START]);
    const former = { ...stub, ...recorded('coder', 7, 'earlier').sessions };
    expect(lines(row(died(SINCE, former), elsewhere))).toEqual(['unknown(not-observed) session/coder']);
    expect(lines(row(recorded('coder', 7, 'b00t', meant('coder')), elsewhere))).toEqual([START]);
  });

  test('is started where that server is somebody’s: nothing of fleet was started on it in this boot', () => {
    expect(lines(row(died(SINCE, {}), elsewhere))).toEqual([START]);
    expect(lines(row(died(SINCE, recorded('stub', 1000).sessions), elsewhere))).toEqual([START]);
    expect(lines(row(died(SINCE, recorded('stub', 4242, 'earlier').sessions), elsewhere))).toEqual([START]);
  });

  test('is started where that apply died before this boot, or that server came long after it', () => {
    const at = (since: number, ...breaks: readonly Break[]) =>
      lines(row(died(new Date(since).toISOString()), elsewhere, ...breaks));
    const booted = w.NOW - 86_400_000;
    expect(at(booted - 120_001)).toEqual([START]);
    expect(at(booted - 120_000)).toEqual(['unknown(not-observed) session/coder']);
    const started =
      (started_ms: number): Break =>
      (o) => {
        tmux(o).server_processes = [{ pid: 4242, started_ms }];
      };
    const ago = w.NOW - 600_000;
    expect(at(ago, started(w.NOW - 480_000))).toEqual(['unknown(not-observed) session/coder']);
    expect(at(ago, started(w.NOW - 479_999))).toEqual([START]);
    expect(at(ago, started(w.NOW - 480_000), source('processes'))).toContain('unknown(not-observed) session/coder');
  });

  test('one that is there is repaired as ever', () => {
    const breaks = [shell('coder'), lives(4242)];
    expect(lines({ yaml: FLEET, memory: recorded('coder', 4242), breaks })).toEqual([
      'restart session/coder shell-left',
    ]);
  });
});

describe('what is left of an agent', () => {
  const was = FLEET.replace('agents:\n', 'agents:\n  - { name: gone, runtime: dogfood }\n');
  const { owned } = w.owning(w.roster(was), ['gone']);
  const row = (memory: PlanMemory, ...breaks: readonly Break[]) => ({
    ...{ yaml: FLEET, was, policy: { prune: true } },
    memory: { ...memory, owned },
    breaks,
  });

  test('stays while its server lives and was not found; goes where its session was seen', () => {
    const memory = recorded('gone', 4242);
    expect(lines(row(memory, drop('gone'), lives(4242)))).toEqual(['unknown(not-observed) session/gone']);
    expect(lines(row(memory, lives(4242)))[0]).toBe('stop session/gone orphan-session');
  });
});

describe('forget', () => {
  function guards(memory: PlanMemory, ...breaks: readonly Break[]): readonly string[] | undefined {
    const roster = w.roster(FLEET);
    const observed = w.healthy(roster);
    for (const breakIt of [drop('coder'), ...breaks]) breakIt(observed);
    const ignore = createIgnoreLedger([], w.NOW);
    const seen = { roster, observed: observed as Observed, agents: roster.agents };
    const ctx: PlanContext = createContext({ ...seen, memory, ignore, policy: w.POLICY });
    return forgettingOf(ctx, 'session/coder')?.refused.map((r) => `${r.guard}: ${r.evidence.join()}`);
  }

  test('refuses where its session may bear the mark on a server that was not looked into', () => {
    const made = meant('coder', 'made');
    const why = "unobserved: a session of it may bear fleet's mark where it cannot be seen: fleet started it on";
    expect(guards(recorded('coder', 4242, 'b00t', made), lives(4242))).toEqual([
      `${why} the tmux server 4242, which lives, at a socket that was not found`,
    ]);
    expect(guards(recorded('coder', 4242, 'b00t', made), elsewhere)).toEqual([
      `${why} the tmux server 4242, which lives at /run/x/tmux-1000/f`,
    ]);
    expect(guards(recorded('coder', 4242, 'b00t', made))).toEqual([]);
  });

  test('is the way out where nobody can tell whether an apply that died made it', () => {
    const { sessions } = recorded('stub', 4242);
    expect(guards({ sessions, owned: meant('coder'), interrupted: null }, elsewhere)).toEqual([]);
  });
});

test('nothing is said where tmux could not be asked, or of a name that Object has', () => {
  const observed = w.healthy(w.roster(FLEET));
  const memory = recorded('coder', 4242);
  expect(recordedServer({ observed: observed as Observed, memory }, 'constructor')).toEqual({ kind: 'none' });
  lives(4242)(observed);
  expect(recordedServer({ observed: observed as Observed, memory }, 'coder')).toEqual({
    kind: 'unanswered',
    pid: 4242,
  });
  observed.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'x' };
  expect(recordedServer({ observed: observed as Observed, memory }, 'coder')).toEqual({ kind: 'none' });
  expect(describeRecorded({ kind: 'none' })).toBeNull();
});
