/** The last look before what is left of an agent goes, and which session, server and unit is meant. */
import { describe, expect, test } from 'vitest';
import type { Change, Precondition, SessionIdentity } from '../../src/diff/plan.ts';
import type { Observed } from '../../src/observe/state.ts';
import { evaluatePrecondition } from '../../src/reconcile/precondition.ts';
import { sameServer, sameSession, sessionOf, unitSeen } from '../../src/reconcile/seen.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import { FLEET, MOSAIC } from '../diff/rosters.ts';
import { type Break, drop, planOf, running, socket, source } from '../diff/rows.ts';
import * as w from '../diff/world.ts';

const fleet = w.roster(FLEET);
const UNIT = 'mosaic-agent@gone.service';
const WAS = MOSAIC.replace('agents:\n', 'agents:\n  - { name: gone, runtime: dogfood }\n');

/** The changes that take `gone` away, as planned while all of it was there. */
function removal(action: Change['action'], kind: Change['kind']): Change {
  const memory = w.owning(w.roster(MOSAIC), ['gone']);
  const sessions = (o: w.Mutable<Observed>) => {
    const { id, created } = w.session(o, 'gone');
    const rest = { agent: 'gone', socket: 'factory', spec: 'f'.repeat(32), boot_id: 'b00t', done: false, plan: null };
    return { gone: { ...rest, server: { pid: 1000, start: 1_780_300_000 }, id, created } };
  };
  const row = { yaml: MOSAIC, was: WAS, policy: { prune: true } };
  const plan = planOf({ ...row, memory: (o) => ({ ...memory, sessions: sessions(o) }) });
  const found = plan.changes.find((c) => c.action === action && c.kind === kind);
  if (found === undefined) throw new Error(`no ${action} of a ${kind}`);
  return found;
}

function judged(change: Change, ...breaks: readonly Break[]): string {
  const roster = w.roster(MOSAIC);
  const observed = w.healthy(w.roster(WAS));
  for (const breakIt of breaks) breakIt(observed);
  const context = {
    roster,
    layout: layoutOf('mosaic'),
    agents: roster.agents,
    launcher: false,
    user: { home: w.HOME },
  };
  const check = evaluatePrecondition(context, change, observed as Observed);
  return check.check === 'holds' ? 'holds' : `${check.check}: ${check.detail}`;
}

describe("the stop of its unit, which ends whatever bears the agent's name", () => {
  const stop = removal('stop', 'unit');
  const other =
    (name: string): Break =>
    (o) =>
      socket(name, running(w.sessionNamed(fleet, 'gone', '$9', 9, false)))(o);

  test('its own session is gone by then: made', () => {
    expect(stop.precondition.no_session_on).toEqual(['factory']);
    expect(judged(stop, drop('gone'))).toBe('holds');
  });

  test.each<[string, readonly Break[], string]>([
    [
      'a session of its name is there',
      [],
      'stale: a session gone ($1) is on socket factory: stopping the unit would end it',
    ],
    ['tmux cannot be asked', [source('tmux')], 'unknown: tmux: x (timeout)'],
    [
      'the server cannot be asked',
      [(o) => Object.assign(w.tmuxOf(o), { server: { state: 'unknown', why: 'denied', detail: 'no' } })],
      'unknown: tmux socket factory: no (denied)',
    ],
    ['one of its name on a socket that its unit does not reach', [drop('gone'), other('theirs')], 'holds'],
    [
      'the socket was not looked at, since nobody uses it any more',
      [(o) => Object.assign(w.tmuxOf(o), { socket: 'else' })],
      'holds',
    ],
  ])('%s', (_name, breaks, word) => {
    expect(judged(stop, ...breaks)).toBe(word);
  });

  test('every socket that its unit may reach is looked at', () => {
    const two: Change = { ...stop, precondition: { ...stop.precondition, no_session_on: ['factory', 'default'] } };
    expect(judged(two, drop('gone'), other('default'))).toBe(
      'stale: a session gone ($9) is on socket default: stopping the unit would end it',
    );
  });
});

test('a change that names no such socket does not ask tmux', () => {
  expect(judged(removal('disable', 'unit'), source('tmux'))).toBe('holds');
});

test('a unit that is not loaded any more is as it should be', () => {
  const gone: Break = (o) => {
    if (o.sources.units.status === 'known') delete o.sources.units.value.units[UNIT];
  };
  expect(judged(removal('disable', 'unit'), gone)).toBe(`already-satisfied: ${UNIT} is not loaded and linked nowhere`);
});

describe('a change of one that is on the roster', () => {
  const plain = { ...removal('disable', 'unit'), stage: 3 } as const;
  const about = (precondition: Precondition, more: Partial<Change>): Change => ({ ...plain, ...more, precondition });

  test('whether a unit comes up at boot was planned, and the unit was not looked at: unknown', () => {
    const enable = { action: 'enable', address: 'w-jarvis/jarvis/unit/other.service' } as const;
    expect(judged(about({ unit_file_state: 'disabled' }, enable))).toBe(
      'unknown: unit other.service was not looked at',
    );
    expect(judged(about({}, enable))).toBe('holds');
  });

  test('enabled by more targets than one that starts at boot: enabled all the same', () => {
    const both: Break = (o) => Object.assign(w.unit(o, UNIT), { wanted_by: ['other.target', 'default.target'] });
    expect(judged(about({ unit_file_state: 'disabled' }, { action: 'enable' }), both)).toBe(
      `already-satisfied: ${UNIT} is enabled already`,
    );
  });

  test('a reload, and no unit was looked at: unknown', () => {
    const none: Break = (o) => {
      if (o.sources.units.status === 'known') o.sources.units.value.units = {};
    };
    const reload = about({ need_daemon_reload: true }, { action: 'reload', kind: 'unit-file', agent: null });
    expect(judged(reload, none)).toBe('unknown: unit of any name was not looked at');
  });

  test('started since, by an agent that nobody has on the roster: not its own', () => {
    const start = {
      kind: 'session',
      action: 'start',
      address: 'w-jarvis/jarvis/session/gone',
      agent: 'nobody',
    } as const;
    expect(judged(about({ session: null }, start))).toBe('stale: a session gone ($1) appeared since');
  });

  test('a shell that was left, and its pane is none any more: nothing says that somebody went on in it', () => {
    const identity = { server: { socket: 'factory', pid: 1000, start: 1_780_300_000 }, id: '$1', owner: 'mosaic' };
    const none = { created: (w.NOW - 3_600_000) / 1000, pane: '', pane_pid: null };
    const gone: Break = (o) => {
      w.session(o, 'gone').mark = { owner: 'mosaic', agent: 'gone', spec: null, pane: '%77' };
    };
    const restart = { kind: 'session', action: 'restart', reason: 'shell-left' } as const;
    const address = 'w-jarvis/jarvis/session/gone';
    expect(judged(about({ session: { ...identity, ...none } }, { ...restart, address }), gone)).toBe('holds');
  });

  test('whether it ran since and ended well is asked of that agent, not of the first one', () => {
    const yaml = FLEET.replace('    runtime: dogfood\n', '    runtime: dogfood\n    lifecycle: ephemeral\n');
    const roster = w.roster(yaml);
    const observed = w.healthy(roster);
    w.paneOf(observed, 'stub').runs = { verdict: 'dead', status: 0, signal: null };
    const context = {
      roster,
      layout: layoutOf('fleet'),
      agents: roster.agents,
      launcher: true,
      user: { home: w.HOME },
    };
    const start = { kind: 'session', action: 'start', address: 'w-jarvis/jarvis/session/stub', agent: 'stub' } as const;
    expect(evaluatePrecondition(context, about({ session: null }, start), observed as Observed)).toEqual({
      check: 'already-satisfied',
      detail: 'stub ran already, and ended well ($2)',
    });
  });
});

describe('which session, server and unit is meant', () => {
  const identity: SessionIdentity = {
    ...{ server: { socket: 'factory', pid: 1000, start: 1_780_300_000 }, id: '$1' },
    ...{ created: (w.NOW - 3_600_000) / 1000, owner: 'mosaic', pane: '%2000', pane_pid: 2000 },
  };
  const found = (breakIt: Break = () => {}): string | undefined => {
    const observed = w.healthy(fleet);
    breakIt(observed);
    return sessionOf(observed as Observed, identity)?.name;
  };

  test('a session is that very one, by whatever name', () => {
    expect(found()).toBe('coder');
    expect(found((o) => Object.assign(w.session(o, 'coder'), { name: 'x' }))).toBe('x');
  });

  test.each<[string, Break]>([
    ['its socket was not looked at', (o) => Object.assign(w.tmuxOf(o), { socket: 'else' })],
    ['there is no server', (o) => Object.assign(w.tmuxOf(o), { server: { state: 'absent' } })],
    ['another server (pid)', (o) => Object.assign(w.tmuxOf(o).server, { pid: 7 })],
    ['another server (start)', (o) => Object.assign(w.tmuxOf(o).server, { start: 7 })],
    ['another id', (o) => Object.assign(w.session(o, 'coder'), { id: '$77' })],
    ['another creation time', (o) => Object.assign(w.session(o, 'coder'), { created: 7 })],
  ])('%s: it is not there', (_name, breakIt) => {
    expect(found(breakIt)).toBeUndefined();
  });

  test('of the same pid and start on another socket it is another server, and another session', () => {
    const other = { ...identity.server, socket: 'other' };
    const session = w.session(w.healthy(fleet), 'coder');
    expect(sameServer(identity.server, { ...identity.server })).toBe(true);
    expect(sameServer(identity.server, other)).toBe(false);
    expect(sameSession(identity, other, session)).toBe(false);
  });

  test('where units cannot be asked no unit was seen', () => {
    const observed = w.healthy(fleet);
    expect(unitSeen(observed as Observed, 'fleet-tmux.service')?.name).toBe('fleet-tmux.service');
    source('units')(observed);
    expect(unitSeen(observed as Observed, 'fleet-tmux.service')).toBeUndefined();
  });
});
