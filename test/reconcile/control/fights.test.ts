/** Somebody who puts back what fleet repairs, whatever it is: met three times, then left alone, and that field alone. */
import { describe, expect, test } from 'vitest';
import { coderWith, FLEET } from '../../diff/rosters.ts';
import * as w from '../../diff/world.ts';
import { Desk } from './desk.ts';

interface Fight {
  readonly what: string;
  readonly roster?: string;
  /** What somebody does again and again. */
  readonly undo: (desk: Desk) => void;
  readonly repair: string;
}

function unitOf(desk: Desk): w.Mutable<Record<string, unknown>> {
  const { units } = desk.observed.sources;
  if (units.status !== 'known') throw new Error('units are not known');
  const found = units.value.units['fleet-agent@coder.service'];
  if (found === undefined) throw new Error('no unit');
  return found as unknown as Record<string, unknown>;
}

const FIGHTS: readonly Fight[] = [
  {
    what: 'a key of an env file',
    undo: (desk) => {
      const file = w.filesOf(desk.observed).env_files['coder'];
      if (file?.state === 'present') file.own['FLEET_AGENT_CLASS'] = 'other';
    },
    repair: 'update env-file/coder env-file-changed',
  },
  {
    what: 'a unit that is disabled',
    undo: (desk) => Object.assign(unitOf(desk), { unit_file_state: 'disabled', wanted_by: [] }),
    repair: 'enable unit/fleet-agent@coder.service boot-disabled',
  },
  {
    what: 'a unit that is enabled',
    roster: coderWith('boot: false'),
    undo: (desk) => Object.assign(unitOf(desk), { unit_file_state: 'enabled', wanted_by: ['default.target'] }),
    repair: 'disable unit/fleet-agent@coder.service boot-enabled',
  },
  {
    what: 'a unit that is stopped beside its living session',
    undo: (desk) => Object.assign(unitOf(desk), { active_state: 'inactive', sub_state: 'dead' }),
    repair: 'start unit/fleet-agent@coder.service unit-inactive',
  },
  {
    what: 'a unit that fails beside its session, which works',
    undo: (desk) => Object.assign(unitOf(desk), { active_state: 'failed', sub_state: 'failed', result: 'exit-code' }),
    repair: 'start unit/fleet-agent@coder.service unit-failed',
  },
  {
    what: 'linger',
    undo: (desk) => {
      const { linger } = desk.observed.sources;
      if (linger.status === 'known') Object.assign(linger.value, { enabled: false });
    },
    repair: 'enable linger/jarvis linger-disabled',
  },
  {
    what: 'another program in a session',
    undo: (desk) => {
      const pane = w.paneOf(desk.observed, 'coder');
      const runtime = { verdict: 'runtime', runtime: 'codex', strength: 'strong', evidence: 'package' } as const;
      pane.runs = { ...runtime, pid: pane.pid ?? 0 };
    },
    repair: 'restart session/coder runtime-mismatch',
  },
  {
    what: 'a session of an agent that is to be stopped',
    roster: coderWith('state: stopped', 'stopped: { by: ada, why: test }'),
    undo: (desk) => {
      const running = w.healthy(w.roster(FLEET));
      desk.observed.sources.tmux = running.sources.tmux;
      desk.observed.sources.processes = running.sources.processes;
    },
    repair: 'stop session/coder should-be-stopped',
  },
];

/** What is done about it in so many rounds of four minutes, each time as soon as it may be. */
function rounds(desk: Desk, { undo }: Fight, count: number): readonly string[] {
  const acts: string[] = [];
  for (let round = 0; round < count; round++) {
    undo(desk);
    // Two looks, for what lives.
    for (let look = 0; look < 2; look++) {
      const pass = desk.pass();
      acts.push(...pass);
      if (pass.length > 0) desk.observed = w.healthy(desk.roster);
      desk.wait(5_000);
    }
    desk.wait(230_000);
  }
  return acts;
}

describe('a fight about', () => {
  test.each(FIGHTS)('$what ends after three repairs, also in another controller', (fight) => {
    const desk = new Desk(fight.roster ?? FLEET);
    desk.pass();
    expect(rounds(desk, fight, 6).filter((a) => a === fight.repair)).toHaveLength(3);
    expect([...desk.state.held.values()].map((h) => h.why).filter((w) => w !== 'contested')).toEqual([]);
    desk.restartController();
    expect(rounds(desk, fight, 2)).toEqual([]);
    expect(Object.values(desk.state.counters.repairs).some((r) => r.contested !== null)).toBe(true);
    desk.resets = [{ id: 'r', target: null, by: 'ada', at: '2026-06-01T12:00:00Z' }];
    expect(rounds(desk, fight, 1)).toEqual([fight.repair]);
  });
});
