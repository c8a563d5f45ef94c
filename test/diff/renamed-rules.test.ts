/** Layout mosaic: a session that somebody gave another name is the agent's still, as the inventory has it. */
import { describe, expect, test } from 'vitest';
import { EMPTY_MEMORY, type PlanMemory, type RememberedSession } from '../../src/diff/policy.ts';
import { FLEET, MOSAIC, NONE } from './rosters.ts';
import { type Break, drop, lines, planOf, type Row, running, socket, source } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const START = 'start session/coder session-missing';
const TWICE = 'blocked(duplicate) session/coder duplicate-session';
const AWAY = 'blocked(wrong-socket) session/coder wrong-socket';

const SERVER = { pid: 1000, start: 1_780_300_000 };
const CODER = w.session(w.healthy(w.roster(MOSAIC)), 'coder');

/** The session that coder runs in, in the inventory as these agents'. */
const recorded = (...agents: readonly (readonly [string, Partial<RememberedSession>?])[]): PlanMemory => {
  const { id, created } = CODER;
  const rest = { spec: null, boot_id: 'b00t', done: false, plan: null };
  const sessions = agents.map(([agent, changes]): readonly [string, RememberedSession] => [
    agent,
    { agent, socket: 'factory', server: SERVER, id, created, ...rest, ...changes },
  ]);
  return { ...EMPTY_MEMORY, sessions: Object.fromEntries(sessions) };
};
const renamed =
  (name: string): Break =>
  (o) => {
    w.session(o, 'coder').name = name;
  };
const THEIRS = { owner: 'theirs', agent: 'x', spec: null, pane: null };
const noEnvironment: Break = (o) => {
  w.processOf(o, 2000).env = { status: 'unknown', why: 'denied', detail: 'EACCES' };
};
/** The same server, on the socket that it was on when the roster said so. */
const elsewhere: Break = (o) => {
  const copy = structuredClone(w.sessionsOf(o).find((s) => s.id === CODER.id));
  w.sessionsOf(o).splice(1, 1);
  socket('other', { ...running(copy), ...SERVER })(o);
};
const row = (...breaks: readonly Break[]): Row => ({ yaml: MOSAIC, memory: recorded(['coder']), breaks });

describe('renamed', () => {
  test('no second one is started; the command gives it its name again', () => {
    const plan = planOf(row(renamed('x')));
    expect(w.lines(plan)).toEqual([TWICE]);
    expect(plan.blocked[0]?.remedy).toBe("if it is the right one: tmux -L factory rename-session -t '$1' coder");
    expect(plan.blocked[0]?.evidence[0]).toContain('session x ($1)');
  });

  test('whatever it is called, also as Object has it, and nothing is said of the name', () => {
    for (const name of ['constructor', '__proto__']) expect(lines(row(renamed(name)))).toEqual([TWICE]);
  });

  test('it was given the name of another agent: that one is not started, and nothing of this one is ended', () => {
    const plan = planOf(row(drop('stub'), renamed('stub')));
    const theirs = 'blocked(other-owner) session/stub other-owner';
    expect(w.lines(plan)).toEqual([TWICE, theirs, 'warning heartbeat/stub heartbeat-foreign']);
    expect(plan.blocked[1]?.remedy).toBe("give it its name: tmux -L factory rename-session -t '$1' coder");
    const yaml = MOSAIC.replace('    runtime: dogfood\n', '    runtime: dogfood\n    state: stopped\n');
    const stopped = lines({ ...row(drop('stub'), renamed('stub')), yaml, was: MOSAIC });
    expect(stopped.filter((l) => l.includes('session/'))).toEqual([TWICE, theirs]);
  });

  test('on another socket than the roster has by now', () => {
    expect(lines(row(renamed('x'), elsewhere))).toEqual([AWAY]);
  });

  test('on another socket under its own name, and its environment cannot be read: it is known all the same', () => {
    expect(lines(row(elsewhere, noEnvironment))).toEqual([AWAY]);
  });

  test('what a start would need is not made either: no env file, no server', () => {
    const noFile: Break = (o) => {
      w.filesOf(o).env_files['coder'] = { state: 'absent' };
    };
    expect(lines(row(renamed('x'), noFile))).toEqual([TWICE]);
    const failed: Break = (o) => Object.assign(w.unit(o, 'mosaic-agent@coder.service'), { active_state: 'failed' });
    expect(lines(row(renamed('x'), failed)).filter((l) => l.startsWith('start'))).toEqual([]);
  });

  test('an agent that was stopped, or is only watched, or runs once: nothing is done, and it is said whose it is', () => {
    const line = 'unmanaged session/x';
    for (const field of ['state: stopped', 'manage: observe', 'lifecycle: ephemeral']) {
      const yaml = MOSAIC.replace('    runtime: pi\n', `    runtime: pi\n    ${field}\n`);
      const plan = planOf({ yaml, was: MOSAIC, memory: recorded(['coder']), breaks: [renamed('x')] });
      expect(w.lines(plan)).toContain(line);
      expect(plan.unmanaged.find((u) => u.address.endsWith('/x'))?.why).toBe("the inventory has it as coder's");
      expect(w.lines(plan)).not.toContain(START);
    }
  });
});

describe('nothing in the inventory, and what runs in it was started as the agent', () => {
  const unknown = 'unmanaged session/x';
  const bare: Break = (o) => {
    w.session(o, 'coder').mark = null;
  };

  test.each([
    ['fleet', FLEET],
    ['mosaic', MOSAIC],
    ['none', NONE],
  ])('layout %s: no second one is started', (_name, yaml) => {
    expect(lines({ yaml, breaks: [bare, renamed('x')] })).toEqual([TWICE, unknown]);
  });

  test('only its viewer is left of it, which shares its windows', () => {
    const viewer = [bare, renamed('coder-watch-1')];
    const plan = planOf({ yaml: FLEET, breaks: viewer });
    expect(w.lines(plan)).toEqual([TWICE, 'unmanaged session/coder-watch-1']);
    expect(plan.blocked[0]?.remedy).toBe("if it is the right one: tmux -L factory rename-session -t '$1' coder");
  });

  test('in a pane beside others, or by the process that the pane has come to run', () => {
    const beside: Break = (o) => {
      const { panes } = w.session(o, 'coder');
      panes.unshift({ ...structuredClone(w.paneOf(o, 'coder')), id: '%9', pid: 9 });
    };
    expect(lines({ yaml: FLEET, breaks: [bare, beside, renamed('x')] })[0]).toBe(TWICE);
    const inner: Break = (o) => {
      w.paneOf(o, 'coder').pid = 9;
    };
    expect(lines({ yaml: FLEET, breaks: [bare, inner, renamed('x')] })[0]).toBe(TWICE);
  });

  test.each<[string, Break]>([
    ['it has ended', (o) => Object.assign(w.paneOf(o, 'coder'), { dead: true })],
    ['its environment cannot be read', noEnvironment],
    ["it is another fleet's by its mark", (o) => Object.assign(w.session(o, 'coder'), { mark: THEIRS })],
    ['processes could not be seen', source('processes')],
  ])('but where %s nothing says so', (_what, breakIt) => {
    expect(lines({ yaml: FLEET, breaks: [bare, breakIt, renamed('x')] })[0]).toBe(START);
  });

  test('on another socket it is somebody’s: agents start servers of their own', () => {
    const away: Break = (o) => {
      const copy = Object.assign(structuredClone(w.session(o, 'coder')), { name: 'x', mark: null });
      w.dropSession(o, 'coder');
      socket('other', running(copy))(o);
    };
    expect(lines({ yaml: FLEET, breaks: [away] })[0]).toBe(START);
  });

  test('it was given the name of another agent, or the holder’s', () => {
    expect(lines({ yaml: FLEET, breaks: [drop('stub'), bare, renamed('stub')] })).toContain(TWICE);
    expect(lines({ yaml: MOSAIC, breaks: [drop('stub'), renamed('stub')] })).toContain(TWICE);
    expect(lines({ yaml: FLEET, breaks: [bare, renamed('_holder')] })).toContain(TWICE);
  });

  test('but where the server itself was started by the agent, every pane has its name', () => {
    const inherited: Break = (o) => {
      const { server } = w.tmuxOf(o);
      if (server.state === 'running') server.inherited_name = 'coder';
    };
    expect(lines({ yaml: FLEET, breaks: [bare, inherited, renamed('x')] })[0]).toBe(START);
    const others: Break = (o) => {
      const { server } = w.tmuxOf(o);
      if (server.state === 'running') server.inherited_name = 'stub';
    };
    expect(lines({ yaml: FLEET, breaks: [bare, others, renamed('x')] })[0]).toBe(TWICE);
  });
});

describe('not that one', () => {
  const gone = [START, 'unmanaged session/x'];
  /** What runs in it was started as somebody else. */
  const somebody: Break = (o) => {
    w.valuesOf(o, 2000)['MOSAIC_AGENT_NAME'] = 'somebody';
    w.valuesOf(o, 2000)['FLEET_AGENT_NAME'] = 'somebody';
  };
  test.each<[string, Partial<RememberedSession>]>([
    ['another id', { id: '$9' }],
    ['an id of another time', { created: 1 }],
    ['a server of another pid', { server: { pid: 999, start: 1_780_300_000 } }],
    ['a server that was started anew', { server: { pid: 1000, start: 1 } }],
  ])('%s: its session is gone, and it is started', (_name, changes) => {
    expect(lines({ ...row(somebody, renamed('x')), memory: recorded(['coder', changes]) })).toEqual(gone);
  });

  test('nothing in the inventory', () => {
    expect(lines({ ...row(somebody, renamed('x')), memory: EMPTY_MEMORY })).toEqual(gone);
  });

  test('a session of its name is where it should be: the other is nobody of the roster', () => {
    const anew: Break = (o) => {
      const copy = structuredClone(w.session(o, 'coder'));
      renamed('x')(o);
      w.sessionsOf(o).push({ ...copy, id: '$7' });
    };
    expect(lines(row(anew))).toEqual(['unmanaged session/x']);
  });

  test("another fleet's by its mark", () => {
    const theirs: Break = (o) => {
      w.session(o, 'coder').mark = { owner: 'theirs', agent: 'x', spec: null, pane: null };
    };
    expect(lines(row(theirs, renamed('x')))).toEqual(gone);
  });

  test('the inventory has it by the name that it bears, too: it is that agent, on the roster or no longer', () => {
    const both = recorded(['coder'], ['x'], ['stub']);
    expect(lines({ ...row(somebody, renamed('x')), memory: both })).toContain(START);
    const found = lines({ ...row(somebody, drop('stub'), renamed('stub')), memory: both });
    expect(found.filter((l) => l.includes('coder'))).toEqual([START]);
    const other = recorded(['coder'], ['x', { created: 1 }]);
    expect(lines({ ...row(renamed('x')), memory: other })).toEqual([TWICE]);
  });

  test('an agent that has left the roster claims nothing', () => {
    const memory = recorded(['gone']);
    expect(lines({ ...row(somebody, renamed('x')), memory }).filter((l) => !l.includes('gone'))).toEqual(gone);
  });

  test.each([FLEET, NONE])('where sessions bear marks the mark tells it', (yaml) => {
    const bare: Break = (o) => {
      w.session(o, 'coder').mark = null;
    };
    expect(lines({ yaml, memory: recorded(['coder']), breaks: [bare, somebody, renamed('x')] })).toEqual(gone);
  });
});

test('two records, and neither name: neither is started', () => {
  const memory = recorded(['coder'], ['stub']);
  expect(lines({ ...row(drop('stub'), renamed('x')), memory })).toEqual([
    TWICE,
    'blocked(duplicate) session/stub duplicate-session',
  ]);
});

test('tmux could not be asked: unknown, as ever', () => {
  expect(lines(row(renamed('x'), source('tmux')))).toContain('unknown(timeout) session/coder');
});
