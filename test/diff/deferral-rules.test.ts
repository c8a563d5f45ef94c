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
      why: who,
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
