import { describe, expect, test } from 'vitest';
import { buildPs } from '../../../src/cli/views/ps-rows.ts';
import type { Pause } from '../../../src/diff/plan-holds.ts';
import { EMPTY_MEMORY } from '../../../src/diff/policy.ts';
import type { Observed } from '../../../src/observe/state.ts';
import { fingerprint } from '../../../src/spec/fingerprint.ts';
import { coderWith, FLEET } from '../../diff/rosters.ts';
import * as rows from '../../diff/rows.ts';
import * as w from '../../diff/world.ts';
import { Desk } from './desk.ts';

const PAUSE: Pause = { target: 'coder', reason: 'debugging', until: null, since: '2026-06-01T11:00:00Z', by: 'ada' };
const UNIT = 'fleet-agent@coder.service';
const MASKED = rows.unit(UNIT, { load_state: 'masked', unit_file_state: 'masked' });
const ignoring = (target: string): string => `${FLEET}ignore: [{ target: ${target}, reason: known }]\n`;
const pid = 2000;

const runtime = (name: string, strength: 'strong' | 'weak' = 'strong') =>
  ({ verdict: 'runtime', runtime: name, strength, pid, evidence: 'exe' }) as const;
const noPane: rows.Break = (o) => {
  const { mark } = w.session(o, 'coder');
  if (mark !== null) mark.pane = '%77';
};
const parked: rows.Break = (o) => {
  w.paneOf(o, 'coder').prompt = { id: 'trust', text: 'Do you trust this folder?' };
};
const blind: rows.Break = (o) => {
  w.tmuxOf(o).server = { state: 'unknown', why: 'timeout', detail: 'hangs' };
};
const stale: rows.Break = (o) => {
  w.heartbeatsOf(o, 'coder').beat = w.beat(pid, 600);
};
const torn: rows.Break = (o) => {
  w.heartbeatsOf(o, 'coder').beat = { state: 'unreadable', why: 'garbage', detail: 'torn' } as never;
};

/** What is wrong with coder, and what Ready says of it. */
const DOWN: readonly (readonly [string, string, rows.Break])[] = [
  ['its session gone', 'False SessionMissing', rows.drop('coder')],
  ['its pane gone', 'False SessionMissing', noPane],
  ['its pane dead', 'False SessionDead', rows.ended('coder')],
  ['its process gone', 'False SessionDead', rows.runs('coder', { verdict: 'gone' })],
  ['a shell left', 'False ShellLeft', rows.shell('coder')],
  ['cat in its pane', 'False RuntimeUnknown', rows.runs('coder', { verdict: 'other', pid, program: 'cat' })],
  ['suspended', 'False RuntimeUnknown', rows.runs('coder', { verdict: 'suspended', runtime: 'pi', pid })],
  ['another runtime', 'False RuntimeMismatch', rows.runs('coder', runtime('codex'))],
  ['another runtime by its bare name', 'False RuntimeUnknown', rows.runs('coder', runtime('codex', 'weak'))],
  ['parked', 'False Parked', parked],
  ['its heartbeat stale', 'False HeartbeatStale', stale],
  ['its heartbeat torn', 'Unknown HeartbeatUnreadable', torn],
  ['opaque', 'Unknown RuntimeUnknown', rows.runs('coder', { verdict: 'opaque', program: 'docker' })],
  [
    'one of several',
    'Unknown RuntimeUnknown',
    rows.runs('coder', { verdict: 'ambiguous', runtimes: ['pi', 'codex'], evidence: 'argv' }),
  ],
  ['unread', 'Unknown Unobserved', rows.runs('coder', { verdict: 'unknown', why: 'denied', detail: 'no' })],
  ['tmux not seen', 'Unknown Unobserved', blind],
];

/** Why nothing of it is mended. */
const LEFT: readonly (readonly [string, string, (desk: Desk) => void])[] = [
  ['enforced', FLEET, () => {}],
  ['warned of', coderWith('manage: warn'), () => {}],
  ['watched', coderWith('manage: observe'), () => {}],
  ['ignored as a whole', ignoring('coder'), () => {}],
  ['ignored in its session', ignoring('session/coder'), () => {}],
  ['paused', FLEET, (desk) => desk.pauses.push(PAUSE)],
  ['masked', FLEET, (desk) => MASKED(desk.observed)],
];

function told(yaml: string, ...breaks: readonly ((desk: Desk) => void)[]): Desk {
  const desk = new Desk(yaml);
  for (const breakIt of breaks) breakIt(desk);
  desk.look();
  return desk;
}
function message(desk: Desk, type = 'Ready'): string | undefined {
  return desk.state.agents['coder']?.find((c) => c.type === type)?.message;
}

describe.each(LEFT)('Ready of an agent that is %s', (_how, yaml, left) => {
  test.each(DOWN)('%s: %s', (_what, ready, breakIt) => {
    const desk = told(yaml, left, (d) => breakIt(d.observed));
    expect(desk.condition('coder', 'Ready')).toBe(ready);
    expect(message(desk)).not.toBe('');
    expect(desk.condition('stub', 'Ready')).toMatch(breakIt === blind ? /^Unknown/ : /^True/);
    const fleet = desk.state.fleet.find((c) => c.type === 'Ready');
    expect(fleet?.status).toBe(ready.split(' ')[0]);
  });

  test('up: True, also where it waits for another start', () => {
    expect(told(yaml, left).condition('coder', 'Ready')).toBe('True AsWanted');
    const older = told(yaml, left, (d) => rows.olderSpec('coder')(d.observed));
    expect(older.condition('coder', 'Ready')).toBe('True AsWanted');
  });

  // What is suspended has a fresh heartbeat for a while yet, and that is what the word of `ps` goes by.
  test.each(DOWN.filter(([what]) => what !== 'suspended'))('%s: `fleet ps` shows it too', (_what, _ready, breakIt) => {
    const { observed, roster } = told(yaml, left, (d) => breakIt(d.observed));
    const plan = w.planOf(roster, observed);
    const [row] = buildPs({ roster, observed: observed as Observed, plan, elsewhere: [] }).agents;
    const fresh = row?.readiness === 'working' || row?.readiness === 'available';
    expect(fresh && row.runtime.seen === 'pi' && w.paneOf(observed, 'coder').prompt === null).toBe(false);
  });
});

describe('why an agent is not ready', () => {
  const gone = (desk: Desk): void => rows.drop('coder')(desk.observed);

  test.each([
    ['manage: observe', coderWith('manage: observe'), 'left alone: manage: observe'],
    ['manage: warn', coderWith('manage: warn'), 'left alone: manage: warn'],
    ['an ignore rule', ignoring('coder'), 'left alone: ignored by the rule in line 12 (known)'],
  ])('%s is named beside what was seen', (_what, yaml, why) => {
    expect(message(told(yaml, gone))).toBe(`no session coder on socket factory; ${why}`);
  });

  test('a pause is', () => {
    const paused = told(FLEET, gone, (desk) => desk.pauses.push(PAUSE));
    expect(message(paused)).toBe('no session coder on socket factory; left alone while it is paused');
  });

  test('behind a masked unit the missing session is told, and what helps', () => {
    const desk = told(FLEET, gone, (d) => MASKED(d.observed));
    expect(message(desk)).toBe('no session coder on socket factory');
    expect(desk.condition('coder', 'Stalled')).toBe('True UnitMasked');
    expect(message(desk, 'Stalled')).toContain('; session coder is missing; if it may run again: systemctl --user');
  });

  test('a contested repair leaves it down, and that is said', () => {
    const desk = new Desk(FLEET);
    const other = rows.runs('coder', runtime('codex'));
    for (let round = 0; round < 4; round++) {
      other(desk.observed);
      desk.pass();
      desk.wait(100_000);
      desk.pass();
      desk.observed = w.healthy(desk.roster);
      desk.wait(100_000);
      desk.pass();
    }
    other(desk.observed);
    desk.pass();
    desk.wait(100_000);
    desk.pass();
    desk.look();
    expect(desk.condition('coder', 'Stalled')).toBe('True Contested');
    expect(desk.condition('coder', 'Ready')).toBe('False RuntimeMismatch');
  });
});

describe('an agent that is meant to have ended is ready', () => {
  const EPHEMERAL = coderWith('lifecycle: ephemeral');
  const endedWell = rows.runs('coder', { verdict: 'dead', status: 0, signal: null });

  test('stopped by the roster', () => {
    const desk = told(coderWith('state: stopped'));
    expect(desk.condition('coder', 'Ready')).toBe('True Stopped');
  });

  test('ephemeral, ended with 0: its session kept, or gone and remembered', () => {
    expect(told(EPHEMERAL, (d) => endedWell(d.observed)).condition('coder', 'Ready')).toBe('True AsWanted');
    const desk = new Desk(EPHEMERAL);
    const [agent] = desk.roster.agents;
    if (agent === undefined) throw new Error('no agent');
    rows.drop('coder')(desk.observed);
    const record = {
      ...{ agent: 'coder', socket: 'factory', server: { pid: 1, start: 1 }, id: '$1', created: 1, boot_id: null },
      ...{ spec: fingerprint(agent, w.HOME), done: true, plan: null },
    };
    desk.memory = { ...EMPTY_MEMORY, sessions: { coder: record } };
    desk.look();
    expect(desk.condition('coder', 'Ready')).toBe('True AsWanted');
    desk.memory = { ...EMPTY_MEMORY, sessions: { coder: { ...record, done: false } } };
    desk.look();
    expect(desk.condition('coder', 'Ready')).toBe('False SessionMissing');
  });

  test('a core agent that ended with 0 is not', () => {
    expect(told(FLEET, (d) => endedWell(d.observed)).condition('coder', 'Ready')).toBe('False SessionDead');
  });
});
