/** An agent's pane that somebody moved into another session: the agent lives there, and no second one is started. */
import { describe, expect, test } from 'vitest';
import type { TmuxPane } from '../../src/observe/state.ts';
import { FLEET, MOSAIC, NONE } from './rosters.ts';
import { type Break, drop, lines, planOf } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const TWICE = 'blocked(duplicate) session/coder duplicate-session';
const START = 'start session/coder session-missing';
const ID = '%2000';

/** Moves coder's pane; what is left of its own session is what `leaves` makes, nothing: the session ends. */
const into =
  (name: string, leaves: (() => Partial<TmuxPane>) | null = null): Break =>
  (o) => {
    const pane = structuredClone(w.paneOf(o, 'coder'));
    const own = w.session(o, 'coder');
    if (leaves === null) w.dropSession(o, 'coder');
    else own.panes = [Object.assign(structuredClone(pane), { id: '%77', pid: 77 }, leaves())];
    w.session(o, name).panes.push(pane);
  };
const guest: Break = (o) => {
  const copy = structuredClone(w.session(o, 'stub'));
  w.sessionsOf(o).push({
    ...copy,
    id: '$40',
    name: 'guest',
    mark: null,
    panes: [Object.assign(structuredClone(w.paneOf(o, 'stub')), { id: '%40', pid: 40 })],
  });
};
const dead = (): Partial<TmuxPane> => ({ dead: true, runs: { verdict: 'dead', status: 0, signal: null } });
const shell = (): Partial<TmuxPane> => ({ runs: { verdict: 'shell', pid: 77, program: 'bash' } });

const LAYOUTS: readonly (readonly [string, string])[] = [
  ['fleet', FLEET],
  ['mosaic', MOSAIC],
  ['none', NONE],
];

describe.each(LAYOUTS)('layout %s', (_layout, yaml) => {
  test.each(['stub', '_holder', 'guest'])('its session is gone, its pane is in %s', (name) => {
    const plan = planOf({ yaml, breaks: [guest, into(name)] });
    expect(w.lines(plan).filter((l) => l.includes('session/coder'))).toEqual([TWICE]);
    const { evidence, remedy } = plan.blocked.find((b) => b.agent === 'coder') ?? {};
    expect(evidence?.join()).toMatch(new RegExp(`session ${name} .*, its pane ${ID}, pid 2000`));
    expect(remedy).toContain(`kill-pane -t ${ID}`);
    expect(remedy).not.toMatch(/rename-session|kill-session/);
  });

  test.each([
    ['a dead pane', dead],
    ['somebody’s shell', shell],
  ])('%s is left in its session, and it lives elsewhere', (_what, leaves) => {
    const plan = planOf({ yaml, breaks: [guest, into('guest', leaves)] });
    expect(w.lines(plan).filter((l) => l.includes('session/coder'))).toEqual([TWICE]);
    const { evidence, remedy } = plan.blocked.find((b) => b.agent === 'coder') ?? {};
    expect(evidence?.[0]).toContain('where the roster wants it');
    expect(remedy).toBe(
      `put it back: tmux -L factory join-pane -d -s ${ID} -t '$1:'; or, when it may end: tmux -L factory kill-pane -t ${ID}`,
    );
  });

  test('it was swapped with somebody’s', () => {
    const swapped: Break = (o) => {
      const [coder, other] = [w.session(o, 'coder'), w.sessionsOf(o).find((s) => s.name === 'guest')];
      if (other === undefined) throw new Error('no guest');
      [coder.panes, other.panes] = [other.panes, coder.panes];
    };
    const found = lines({ yaml, breaks: [guest, swapped] });
    expect(found.filter((l) => l.includes('session/coder'))).toEqual([TWICE]);
  });

  test('a shell that was split off it and moved away is not the agent, while its own session is there', () => {
    const split: Break = (o) => {
      const pane = Object.assign(structuredClone(w.paneOf(o, 'coder')), shell(), { id: '%78', pid: 2000 });
      w.session(o, 'guest').panes.push(pane);
    };
    expect(lines({ yaml, breaks: [guest, split] }).filter((l) => l.includes('coder'))).toEqual([]);
    const ended: Break = (o) => Object.assign(w.paneOf(o, 'coder'), dead());
    expect(lines({ yaml, breaks: [guest, split, ended] }).filter((l) => l.includes('session/coder'))).toEqual([
      'restart session/coder session-dead',
    ]);
  });

  test('another one that shows its windows is no second place', () => {
    const viewer: Break = (o) => {
      const own = w.session(o, 'coder');
      w.sessionsOf(o).push({ ...structuredClone(own), id: '$41', name: 'viewer', mark: null });
    };
    expect(lines({ yaml, breaks: [viewer] }).filter((l) => l.includes('session/coder'))).toEqual([]);
  });
});

test('its pane is known by its mark, whatever it was started with', () => {
  const unread: Break = (o) => {
    w.processOf(o, 2000).env = { status: 'unknown', why: 'denied', detail: 'EACCES' };
  };
  const found = lines({ yaml: FLEET, breaks: [guest, into('guest', dead), unread] });
  expect(found.filter((l) => l.includes('session/coder'))).toEqual([TWICE]);
});

test('a pane of another fleet’s session is that fleet’s', () => {
  const theirs: Break = (o) => {
    w.session(o, 'guest').mark = { owner: 'theirs', agent: 'x', spec: null, pane: '%40' };
  };
  expect(lines({ yaml: FLEET, breaks: [guest, theirs, into('guest')] })).toContain(START);
  expect(lines({ yaml: FLEET, breaks: [guest, theirs, drop('coder')] })).toContain(START);
});
