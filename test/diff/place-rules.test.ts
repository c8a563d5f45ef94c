/** Where an agent lives, and whose a session is: never a second copy, and nobody else's is touched. */
import { describe, expect, test } from 'vitest';
import { EMPTY_MEMORY, type PlanMemory, type RememberedSession } from '../../src/diff/policy.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import type { Roster } from '../../src/spec/model.ts';
import { coderWith, FLEET, MOSAIC, NONE } from './rosters.ts';
import {
  attached,
  type Break,
  drop,
  ended,
  lines,
  planOf,
  running,
  runs,
  shell,
  socket,
  source,
  unit,
  type World,
} from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const START = 'start session/coder session-missing';
/** The agent's own session moved to another socket, or so it looks. */
const moved =
  (name: string, change: (s: ReturnType<typeof w.session>) => void = () => {}): Break =>
  (o) => {
    const copy = structuredClone(w.session(o, 'coder'));
    change(copy);
    socket(name, running(copy))(o);
  };
const marked = (owner: string, agent: string) => (s: ReturnType<typeof w.session>) => {
  s.mark = { owner, agent, spec: null, pane: null };
};

describe('a session of the same name on another socket', () => {
  test.each<[string, (s: ReturnType<typeof w.session>) => void, readonly string[]]>([
    ["another fleet's", marked('theirs', 'coder'), [START, 'unmanaged session/coder']],
    [
      "another agent's of ours, as its mark says",
      marked('mosaic', 'stub'),
      [START, 'blocked(duplicate) session/stub duplicate-session'],
    ],
    [
      'ours under another name',
      (s) => Object.assign(s, { name: 'x' }),
      ['blocked(wrong-socket) session/coder wrong-socket'],
    ],
  ])('%s', (_name, change, expected) => {
    expect(lines({ yaml: FLEET, breaks: [moved('other', change), drop('coder')] })).toEqual(expected);
  });

  const nameIs =
    (value: string | null): Break =>
    (o) => {
      const { env } = w.processOf(o, 2000);
      if (env.status !== 'known') throw new Error('unknown');
      if (value === null) delete env.value.values['MOSAIC_AGENT_NAME'];
      else env.value.values['MOSAIC_AGENT_NAME'] = value;
    };
  const envUnknown: Break = (o) => {
    w.processOf(o, 2000).env = { status: 'unknown', why: 'denied', detail: 'EACCES' };
  };

  test.each<[string, Break, readonly string[]]>([
    ['says that it is', () => {}, ['blocked(wrong-socket) session/coder wrong-socket']],
    ['says that it is another', nameIs('else'), [START, 'unmanaged session/coder']],
    ['says nothing', nameIs(null), [START, 'unmanaged session/coder']],
    ['cannot be read', envUnknown, ['unknown(denied) session/coder', 'unmanaged session/coder']],
    [
      'is of a process that cannot be read',
      source('processes'),
      ['unknown(timeout) session/coder', 'unmanaged session/coder'],
    ],
  ])('layout mosaic, and its environment %s', (_name, breakIt, expected) => {
    const found = lines({ yaml: MOSAIC, breaks: [moved('other'), drop('coder'), breakIt] });
    expect(found.filter((l) => l.includes('coder'))).toEqual(expected);
  });

  test('layout mosaic, and its NAME is in what runs below the process of the pane', () => {
    const below: Break = (o) => {
      const { processes } = o.sources;
      if (processes.status !== 'known') throw new Error('unknown');
      processes.value.processes['5000'] = { ...structuredClone(w.processOf(o, 2000)), pid: 5000, ppid: 2000 };
      nameIs(null)(o);
    };
    const child = (s: ReturnType<typeof w.session>): void => {
      const [pane] = s.panes;
      if (pane !== undefined) pane.runs = { verdict: 'shell', pid: 5000, program: 'bash' };
    };
    expect(lines({ yaml: MOSAIC, breaks: [below, moved('other', child), drop('coder')] })).toEqual([
      'blocked(wrong-socket) session/coder wrong-socket',
    ]);
  });

  test('it cannot be told whether that is the agent: one that lives where it should is judged all the same', () => {
    expect(lines({ yaml: MOSAIC, breaks: [moved('other'), envUnknown, shell('coder')] })).toEqual([
      'restart session/coder shell-left',
      'unmanaged session/coder',
    ]);
  });

  test('one socket after another is looked at before it is called nowhere', () => {
    const unknown = { state: 'unknown', why: 'timeout', detail: 'hangs' } as const;
    expect(
      lines({ yaml: FLEET, breaks: [socket('second', running()), socket('third', unknown), drop('coder')] }),
    ).toEqual(['unknown(timeout) session/coder']);
  });
});

describe('the same agent twice or more', () => {
  test.each<[string, readonly Break[]]>([
    ['on two other sockets', [moved('one'), moved('two'), drop('coder')]],
    ['renamed on its own, and on another', [moved('one'), (o) => Object.assign(w.session(o, 'coder'), { name: 'x' })]],
  ])('%s: each is told, none is touched, none is started', (_name, breaks) => {
    const plan = planOf({ yaml: FLEET, breaks });
    expect(w.lines(plan)).toEqual(['blocked(duplicate) session/coder duplicate-session']);
    expect(plan.blocked[0]?.evidence).toHaveLength(2);
  });

  test('where it should be and elsewhere: the command names the socket and the id of the other', () => {
    const plan = planOf({ yaml: FLEET, breaks: [moved('other', (s) => Object.assign(s, { id: '$31' }))] });
    expect(plan.blocked[0]?.remedy).toContain("tmux -L other kill-session -t '$31'");
  });
});

describe('a server of another TMUX_TMPDIR', () => {
  const record: RememberedSession = {
    ...{ agent: 'coder', socket: 'factory', server: { pid: 4242, start: 1 }, id: '$1', created: 1 },
    ...{ spec: 'x', boot_id: 'b00t', done: false, plan: null },
  };
  const there =
    (...pids: readonly number[]): Break =>
    (o) => {
      if (o.sources.tmux.status !== 'known') throw new Error('tmux unknown');
      o.sources.tmux.value.elsewhere = pids.map((pid) => ({ path: `/run/${pid}/tmux-1000/factory`, pid }));
    };
  const row = { yaml: NONE, memory: { ...EMPTY_MEMORY, sessions: { coder: record } } };

  test('it is that which fleet started the agent on, and no other, that counts', () => {
    expect(lines({ ...row, breaks: [there(77), drop('coder')] })).toEqual([START]);
    const plan = planOf({ ...row, breaks: [there(77, 4242), drop('coder')] });
    expect(w.lines(plan)).toEqual(['blocked(wrong-socket) session/coder wrong-socket']);
    expect(plan.blocked[0]?.remedy).toContain('TMUX_TMPDIR=/run/4242');
  });
});

describe('whose a session is', () => {
  test("`state: stopped`, and the session is another fleet's, or nobody's: it is not ended", () => {
    const row = { yaml: coderWith('state: stopped'), was: FLEET };
    const off = unit('fleet-agent@coder.service', { unit_file_state: 'disabled', wanted_by: [] });
    const theirs: Break = (o) => marked('theirs', 'coder')(w.session(o, 'coder'));
    const nobodys: Break = (o) => Object.assign(w.session(o, 'coder'), { mark: null });
    expect(lines({ ...row, breaks: [off, theirs] })).toEqual(['blocked(other-owner) session/coder other-owner']);
    expect(lines({ ...row, breaks: [off, nobodys] })).toEqual(['blocked(not-ours) session/coder not-adopted']);
  });

  test('marked as of another agent of ours: not this one', () => {
    const other: Break = (o) => marked('mosaic', 'else')(w.session(o, 'coder'));
    expect(lines({ yaml: FLEET, breaks: [other] })[0]).toBe('blocked(other-owner) session/coder other-owner');
  });

  test('layout mosaic, its unit was not looked at: whose it is cannot be told, so nothing is done', () => {
    const unseen: Break = (o) => {
      if (o.sources.units.status === 'known') delete o.sources.units.value.units['mosaic-agent@coder.service'];
    };
    const found = lines({ yaml: MOSAIC, breaks: [unseen, shell('coder')] });
    expect(found).toEqual([
      'unknown(not-observed) unit/mosaic-agent@coder.service',
      'unknown(unobserved) session/coder',
    ]);
  });
});

describe('a socket that was not looked at', () => {
  const unseen: Break = (o) => {
    if (o.sources.tmux.status === 'known') o.sources.tmux.value.servers = [];
  };

  test('what should run there is unobserved; of what should not nothing is asked', () => {
    expect(lines({ yaml: coderWith('state: stopped'), breaks: [unseen] })).toEqual([
      'unknown(not-observed) session/stub',
    ]);
  });

  test('one that could not be asked may hold what should be stopped', () => {
    expect(lines({ yaml: coderWith('state: stopped'), breaks: [source('tmux')] })).toEqual([
      'unknown(timeout) session/coder',
      'unknown(timeout) session/stub',
    ]);
  });
});

describe('runs once, or always', () => {
  const remembered =
    (changes: Partial<RememberedSession> = {}) =>
    (_o: World, r: Roster): PlanMemory => {
      const [agent] = r.agents;
      if (agent === undefined) throw new Error('no agent');
      const record = {
        ...{ agent: 'coder', socket: 'factory', server: { pid: 1, start: 1 }, id: '$1', created: 1 },
        ...{ spec: fingerprint(agent, w.HOME), boot_id: 'earlier', done: false, plan: null },
      };
      return { ...EMPTY_MEMORY, sessions: { coder: { ...record, ...changes } } };
    };
  const ephemeral = (yaml: string): string =>
    yaml.replace('    runtime: pi\n', '    runtime: pi\n    lifecycle: ephemeral\n');

  test.each<[string, string, Partial<RememberedSession>, readonly string[]]>([
    ['core, layout mosaic: started again', MOSAIC, {}, [START]],
    ['core, known to have ended: started again', FLEET, { done: true }, [START]],
    ['ephemeral, known to have ended: done', ephemeral(FLEET), { done: true }, []],
    ['ephemeral, not known to have ended: started again', ephemeral(FLEET), {}, [START]],
    ['ephemeral, layout mosaic: done', ephemeral(MOSAIC), {}, []],
  ])('%s', (_name, yaml, changes, expected) => {
    expect(lines({ yaml, memory: remembered(changes), breaks: [drop('coder')] })).toEqual(expected);
  });

  test('ephemeral, and no file could be read: that it is done cannot be told, and nothing is started', () => {
    const found = lines({ yaml: ephemeral(FLEET), memory: remembered(), breaks: [drop('coder'), source('files')] });
    expect(found.filter((l) => l.includes('session/coder'))).toEqual(['unknown(unobserved) session/coder']);
  });

  test('a core agent that ended with exit 0 is started again', () => {
    expect(lines({ yaml: FLEET, breaks: [runs('coder', { verdict: 'dead', status: 0, signal: null })] })).toEqual([
      'restart session/coder session-dead',
    ]);
  });
});

describe('a place that the roster names and the host does not show', () => {
  const commandUnknown: Break = (o) => {
    w.filesOf(o).commands['coder'] = { state: 'unknown', why: 'denied', detail: 'EACCES' };
  };
  const noCommand: Break = (o) => {
    w.filesOf(o).commands['coder'] = { state: 'missing', detail: 'no pi' };
  };
  const noDirectory: Break = (o) => {
    w.filesOf(o).directories['~/src'] = { state: 'missing', detail: 'none' };
  };

  test('a command that cannot be looked for: nothing is started or replaced', () => {
    for (const breakIt of [drop('coder'), shell('coder'), ended('coder')]) {
      expect(lines({ yaml: FLEET, breaks: [commandUnknown, breakIt] })).toEqual(['unknown(denied) session/coder']);
    }
  });

  test('what would have been put off is not announced either; what is only told is', () => {
    expect(lines({ yaml: FLEET, breaks: [noCommand, shell('coder'), attached('coder')] })).toEqual([
      'blocked(missing) session/coder command-missing',
    ]);
    const parked: Break = (o) => {
      w.paneOf(o, 'coder').prompt = { id: 'trust', text: 'Trust this?' };
    };
    expect(lines({ yaml: FLEET, breaks: [noCommand, noDirectory, parked] })).toEqual([
      'blocked(missing) session/coder workdir-missing',
      'blocked(missing) session/coder command-missing',
      'warning session/coder parked',
    ]);
  });
});

test('`on_change: keep` keeps what it was started from, not what is no longer the agent', () => {
  const other = runs('coder', { verdict: 'runtime', runtime: 'dogfood', strength: 'strong', pid: 2000, evidence: 'x' });
  expect(lines({ yaml: coderWith('on_change: keep'), breaks: [other] })).toEqual([
    'restart session/coder runtime-mismatch',
  ]);
});
