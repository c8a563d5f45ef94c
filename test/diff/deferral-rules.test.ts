import { describe, expect, test } from 'vitest';
import type { Observed } from '../../src/observe/state.ts';
import { coderWith, FLEET, MOSAIC, NONE } from './rosters.ts';
import * as w from './world.ts';
import './findings-read.ts';

type Seen = w.Mutable<Observed>;
type Break = (o: Seen) => void;

const alive: Break = (o) => {
  w.paneOf(o, 'coder').runs = { verdict: 'runtime', runtime: 'dogfood', strength: 'strong', pid: 2000, evidence: '' };
};
const specChanged: Break = (o) => {
  const { mark } = w.session(o, 'coder');
  if (mark !== null) mark.spec = 'older';
};

interface Row {
  readonly yaml?: string;
  readonly break: Break;
  readonly action?: 'stop' | 'restart';
  readonly name?: string;
  readonly prune?: true;
  /** Ended already: nothing in it can be busy. */
  readonly ended?: true;
}

/** Every row of docs/planning-rules.md that ends a session. */
const ROWS: Readonly<Record<string, Row>> = {
  'runtime-mismatch': { break: alive },
  'spec-changed': { break: specChanged },
  'spec-changed, on_change: restart': { yaml: coderWith('on_change: restart'), break: specChanged },
  'workdir-mismatch': {
    break: (o) => {
      w.processOf(o, 2000).cwd = w.known('/elsewhere');
    },
  },
  'env-mismatch': {
    yaml: coderWith('env: { FOO: bar }'),
    break: (o) => {
      w.processOf(o, 2000).env = w.known({ keys: ['FOO'], values: { FOO: 'other' }, secrets: {} });
    },
  },
  'shell-left': {
    break: (o) => {
      w.paneOf(o, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
    },
  },
  'session-dead': {
    ended: true,
    break: (o) => {
      Object.assign(w.paneOf(o, 'coder'), { dead: true, runs: { verdict: 'dead', status: 1, signal: null } });
    },
  },
  'session-dead, gone': {
    ended: true,
    break: (o) => {
      w.paneOf(o, 'coder').runs = { verdict: 'gone' };
    },
  },
  'should-be-stopped': {
    yaml: coderWith('state: stopped'),
    break: (o) => Object.assign(w.unit(o, 'fleet-agent@coder.service'), { unit_file_state: 'disabled', wanted_by: [] }),
    action: 'stop',
  },
  'orphan-session': {
    yaml: FLEET.replace('- name: coder', '- name: other'),
    break: () => {},
    action: 'stop',
    prune: true,
  },
};

/** A window of a session of a person's own, linked into coder's. */
function linked(o: Seen): void {
  const pane = { ...structuredClone(w.paneOf(o, 'coder')), id: '%7777', pid: 7777, dead: false };
  const panes = [{ ...pane, runs: { verdict: 'other', pid: 7777, program: 'vi' } as const }];
  w.session(o, 'coder').panes.push(...panes);
  w.sessionsOf(o).push({ ...w.session(o, 'coder'), id: '$77', name: 'mywork', mark: null, attached: 0, panes });
}

const WHO: Readonly<Record<string, { readonly flag: string; readonly break: Break; readonly first: string }>> = {
  attached: {
    flag: '--even-if-attached',
    first: 'detach',
    break: (o) => {
      w.session(o, 'coder').attached = 1;
    },
  },
  'other-panes': {
    flag: '--even-if-attached',
    first: 'end what runs in the other panes',
    break: (o) => {
      const pane = structuredClone(w.paneOf(o, 'coder'));
      Object.assign(pane, {
        id: '%9999',
        pid: 9999,
        dead: false,
        runs: { verdict: 'other', pid: 9999, program: 'vi' },
      });
      w.session(o, 'coder').panes.push(pane);
    },
  },
  'other-panes, shown by another session too': {
    flag: '--even-if-attached',
    first: 'take the windows of mywork out of the session',
    break: (o) => linked(o),
  },
  busy: {
    flag: '--even-if-busy',
    first: 'wait until it is idle',
    break: (o) => {
      w.heartbeatsOf(o, 'coder').beat = w.beat(2000, 5, 'busy');
    },
  },
};

const cells = Object.entries(ROWS).flatMap(([reason, row]) =>
  Object.keys(WHO).flatMap((who) => (who === 'busy' && row.ended === true ? [] : [[reason, who] as const])),
);

describe('whatever ends a session waits for who is in it, and says the command that does not', () => {
  const cellOf = (reason: string, who: string, also?: string) => {
    const row = ROWS[reason];
    const disturbed = WHO[who];
    if (row === undefined || disturbed === undefined) throw new Error('no such cell');
    // What is to be stopped or pruned lives: it was started by an earlier roster.
    const observed = w.healthy(w.roster(row.action === 'stop' ? FLEET : (row.yaml ?? FLEET)));
    row.break(observed);
    disturbed.break(observed);
    if (also !== undefined) WHO[also]?.break(observed);
    const roster = w.roster(row.yaml ?? FLEET);
    const plan = (policy: Partial<typeof w.POLICY>) =>
      w.planOf(roster, observed, {
        policy: { ...policy, prune: row.prune === true },
        memory: w.owning(roster, ['coder']),
      });
    const about = {
      action: row.action ?? 'restart',
      reason: reason.replace(/,.*/, ''),
      agent: 'coder',
      kind: 'session',
    };
    const target = row.prune === true ? '--prune --target coder' : '--target session/coder';
    return { plan, about, disturbed, command: `fleet apply ${target} ${disturbed.flag}` };
  };

  test.each(cells)('%s, %s', (reason, who) => {
    const { plan, about, disturbed, command } = cellOf(reason, who);
    const left = plan({});
    expect(left.changes.filter((c) => c.kind === 'session' && c.agent === 'coder')).toEqual([]);
    expect(left.deferred.find((d) => d.kind === 'session')).toMatchObject({
      ...about,
      why: who.replace(/,.*/, ''),
      remedy: `${disturbed.first}, or: ${command}`,
    });
    const flags = { evenIfAttached: command.includes('attached'), evenIfBusy: command.includes('busy') };
    expect(plan(flags).changes.find((c) => c.kind === 'session' && c.agent === 'coder')).toMatchObject(about);
  });

  test.each(Object.keys(ROWS).filter((r) => ROWS[r]?.ended !== true))(
    '%s, attached and busy: one flag alone does not do, and the command says both',
    (reason) => {
      for (const policy of [{ evenIfAttached: true }, { evenIfBusy: true }, {}]) {
        const { plan } = cellOf(reason, 'busy', 'attached');
        expect(plan(policy).deferred.find((d) => d.kind === 'session')?.remedy).toContain(
          '--even-if-attached --even-if-busy',
        );
      }
    },
  );
});

test('who shows the other panes too is told, also where they are not waited for', () => {
  const roster = w.roster(FLEET);
  const observed = w.healthy(roster);
  alive(observed);
  linked(observed);
  const toldOf = (policy: Partial<typeof w.POLICY>) => {
    const { changes, deferred } = w.planOf(roster, observed, { policy });
    return [...changes, ...deferred].find((c) => c.kind === 'session')?.evidence.at(-1);
  };
  const only = '1 other pane(s) of the session are alive; 1 shown by mywork too, and only unlinked with its end';
  expect([toldOf({}), toldOf({ evenIfAttached: true })]).toEqual([only, only]);

  WHO['other-panes']?.break(observed);
  w.sessionsOf(observed).push({ ...w.session(observed, 'coder'), id: '$78', name: 'view', mark: null });
  w.session(observed, 'view').panes = [w.paneOf(observed, 'coder'), w.paneOf(observed, 'mywork')];
  expect(toldOf({})).toBe(
    '2 other pane(s) of the session are alive; 1 shown by mywork, view too, and only unlinked with its end',
  );
  expect(w.planOf(roster, observed).deferred[0]?.remedy).toBe(
    'end what runs in the other panes, take the windows of mywork, view out of the session, or: fleet apply --target session/coder --even-if-attached',
  );
});

test('layout mosaic and supervisor none defer alike', () => {
  for (const yaml of [MOSAIC, NONE]) {
    const roster = w.roster(yaml);
    const observed = w.healthy(roster);
    alive(observed);
    w.session(observed, 'coder').attached = 1;
    expect(w.planOf(roster, observed).deferred[0]?.remedy).toBe(
      'detach, or: fleet apply --target session/coder --even-if-attached',
    );
  }
});
