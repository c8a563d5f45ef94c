import { describe, expect, test } from 'vitest';
import { EMPTY_MEMORY } from '../../src/diff/policy.ts';
import type { Observed, PathObserved } from '../../src/observe/state.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import { coderWith, FLEET, MOSAIC, NONE } from './rosters.ts';
import * as w from './world.ts';
import './findings-read.ts';

type Break = (o: w.Mutable<Observed>) => void;
const fleet = w.roster(FLEET);
const mosaic = w.roster(MOSAIC);

function planned(r: ReturnType<typeof w.roster>, breakIt: Break, options: w.PlanOptions = {}): readonly string[] {
  const observed = w.healthy(r);
  breakIt(observed);
  return w.lines(w.planOf(r, observed, options));
}

describe('a healthy fleet', () => {
  test.each([
    ['layout fleet', FLEET],
    ['layout mosaic', MOSAIC],
    ['supervisor none', NONE],
  ])('of %s has an empty plan', (_name, yaml) => {
    const r = w.roster(yaml);
    const plan = w.planOf(r, w.healthy(r));
    expect(w.lines(plan)).toEqual([]);
    expect(plan.complete).toBe(true);
    expect(plan.summary.unchanged).toBe(2);
    expect(w.text(plan)).toBe('No changes. The world matches the roster. 1 of 1 host observed; 2 agents unchanged.\n');
  });
});

describe('sessions: a tmux that could not be asked', () => {
  test.each(['timeout', 'denied', 'garbage', 'protocol'] as const)('(%s) leads to no action at all', (why) => {
    const found = planned(fleet, (o) => {
      w.tmuxOf(o).server = { state: 'unknown', why, detail: 'x' };
    });
    expect(found).toEqual([
      `unknown(${why}) tmux-server/factory`,
      `unknown(${why}) session/coder`,
      `unknown(${why}) session/stub`,
    ]);
  });

  test('(no binary) leads to no action at all', () => {
    const found = planned(fleet, (o) => {
      o.sources.tmux = { status: 'unknown', why: 'not-installed', detail: 'no tmux' };
    });
    expect(found).toEqual(['unknown(not-installed) session/coder', 'unknown(not-installed) session/stub']);
  });
});

describe('sessions: missing', () => {
  test('with an inactive unit: the session is started', () => {
    const found = planned(fleet, (o) => {
      w.dropSession(o, 'coder');
      Object.assign(w.unit(o, 'fleet-agent@coder.service'), { active_state: 'inactive', sub_state: 'dead' });
    });
    expect(found).toEqual(['start session/coder session-missing']);
  });

  test('with a unit that is active (exited): the session is started all the same', () => {
    const observed = w.healthy(fleet);
    w.dropSession(observed, 'coder');
    const plan = w.planOf(fleet, observed);
    expect(w.lines(plan)).toEqual(['start session/coder session-missing']);
    expect(plan.changes[0]?.disruption).toBe('none');
    expect(plan.changes[0]?.evidence.join()).toContain('active (exited)');
  });

  test('with supervisor none: the session is started', () => {
    expect(planned(w.roster(NONE), (o) => w.dropSession(o, 'coder'))).toEqual(['start session/coder session-missing']);
  });

  test('with `state: stopped`: nothing', () => {
    const r = w.roster(coderWith('state: stopped'));
    expect(w.lines(w.planOf(r, w.healthy(r)))).toEqual([]);
  });

  test('while units could not be observed: nothing, and said so', () => {
    const found = planned(fleet, (o) => {
      w.dropSession(o, 'coder');
      o.sources.units = { status: 'unknown', why: 'no-bus', detail: 'nobody answers' };
    });
    expect(found).toContain('unknown(no-bus) session/coder');
    expect(found.filter((line) => line.startsWith('start'))).toEqual([]);
  });

  test('while its unit is activating: deferred', () => {
    const found = planned(fleet, (o) => {
      w.dropSession(o, 'coder');
      Object.assign(w.unit(o, 'fleet-agent@coder.service'), { active_state: 'activating', job: 'start' });
    });
    expect(found).toEqual(['deferred(in-transition) start session/coder session-missing']);
  });

  test('while another socket cannot be read: nothing, for the agent may live there', () => {
    const found = planned(fleet, (o) => {
      w.dropSession(o, 'coder');
      if (o.sources.tmux.status !== 'known') throw new Error('unreachable');
      o.sources.tmux.value.servers.push({
        socket: 'default',
        path: '/tmp/tmux-1000/default',
        listening: [],
        server: { state: 'unknown', why: 'timeout', detail: 'hangs' },
      });
    });
    expect(found).toEqual(['unknown(timeout) session/coder']);
  });

  test('an ephemeral agent of layout mosaic that has run once is done', () => {
    const r = w.roster(MOSAIC.replace('    runtime: pi\n', '    runtime: pi\n    lifecycle: ephemeral\n'));
    const [agent] = r.agents;
    if (agent === undefined) throw new Error('no agent');
    const observed = w.healthy(r);
    w.dropSession(observed, 'coder');
    expect(w.lines(w.planOf(r, observed))).toEqual(['start session/coder session-missing']);
    const record = {
      agent: 'coder',
      socket: 'factory',
      server: { pid: 1, start: 1 },
      id: '$1',
      created: 1,
      spec: fingerprint(agent, w.HOME),
      boot_id: 'earlier',
      done: false,
      plan: null,
    };
    expect(w.lines(w.planOf(r, observed, { memory: { ...EMPTY_MEMORY, sessions: { coder: record } } }))).toEqual([]);
    const changed = { coder: { ...record, spec: 'another' } };
    expect(w.lines(w.planOf(r, observed, { memory: { ...EMPTY_MEMORY, sessions: changed } }))).toHaveLength(1);
  });
});

describe('sessions: what runs in the pane', () => {
  const runs = (value: w.Mutable<Observed> extends never ? never : ReturnType<typeof w.paneOf>['runs']): Break => {
    return (o) => {
      w.paneOf(o, 'coder').runs = value;
    };
  };

  test('a dead pane is restarted, exit status in the evidence', () => {
    const observed = w.healthy(fleet);
    Object.assign(w.paneOf(observed, 'coder'), { dead: true, dead_status: 127 });
    w.paneOf(observed, 'coder').runs = { verdict: 'dead', status: 127, signal: null };
    const plan = w.planOf(fleet, observed);
    expect(w.lines(plan)).toEqual(['restart session/coder session-dead']);
    expect(plan.changes[0]?.evidence).toEqual(['the pane is dead: exit status 127']);
  });

  test('a dead pane without status or signal is "exit unknown", never 0', () => {
    const r = w.roster(coderWith('lifecycle: ephemeral'));
    const observed = w.healthy(r);
    w.paneOf(observed, 'coder').runs = { verdict: 'dead', status: null, signal: null };
    const plan = w.planOf(r, observed);
    expect(w.lines(plan)).toEqual(['restart session/coder session-dead']);
    expect(plan.changes[0]?.evidence).toEqual(['the pane is dead: exit unknown']);
  });

  test('an ephemeral agent that ended with exit 0 is done', () => {
    const r = w.roster(coderWith('lifecycle: ephemeral'));
    const observed = w.healthy(r);
    w.paneOf(observed, 'coder').runs = { verdict: 'dead', status: 0, signal: null };
    expect(w.lines(w.planOf(r, observed))).toEqual([]);
  });

  test('a shell that is left is replaced', () => {
    expect(planned(fleet, runs({ verdict: 'shell', pid: 2000, program: 'bash' }))).toEqual([
      'restart session/coder shell-left',
    ]);
  });

  test('another runtime is replaced', () => {
    const other = {
      verdict: 'runtime',
      runtime: 'dogfood',
      strength: 'strong',
      pid: 2000,
      evidence: 'script',
    } as const;
    expect(planned(fleet, runs(other))).toEqual(['restart session/coder runtime-mismatch']);
  });

  test('a process that fits the wanted runtime too is no other runtime', () => {
    const both = { verdict: 'runtime', runtime: 'claude', also: ['pi'], strength: 'strong', pid: 2000, evidence: 'x' };
    expect(planned(fleet, runs(both as ReturnType<typeof w.paneOf>['runs']))).toEqual([]);
  });

  test('another runtime by weak evidence only is a warning', () => {
    const other = { verdict: 'runtime', runtime: 'claude', strength: 'weak', pid: 2000, evidence: 'name' } as const;
    expect(planned(fleet, runs(other))).toEqual(['warning session/coder runtime-unknown']);
  });

  test.each([
    ['other', { verdict: 'other', pid: 2000, program: 'vim' }],
    ['ambiguous', { verdict: 'ambiguous', runtimes: ['pi', 'codex'], evidence: 'both' }],
    ['opaque', { verdict: 'opaque', program: 'ssh' }],
    ['suspended', { verdict: 'suspended', pid: 2000, runtime: 'pi' }],
  ] as const)('what cannot be told (%s) is a warning only', (_name, verdict) => {
    const mutable = { ...verdict } as ReturnType<typeof w.paneOf>['runs'];
    expect(planned(fleet, runs(mutable))).toEqual(['warning session/coder runtime-unknown']);
  });

  test('what could not be read is unobserved', () => {
    expect(planned(fleet, runs({ verdict: 'unknown', why: 'denied', detail: 'x' }))).toEqual([
      'unknown(unobserved) session/coder',
    ]);
  });

  test('an agent parked at a prompt is a warning with the prompt, never typed at', () => {
    const observed = w.healthy(fleet);
    w.paneOf(observed, 'coder').prompt = { id: 'claude-trust', text: 'Do you trust the files in this folder?' };
    const plan = w.planOf(fleet, observed);
    expect(w.lines(plan)).toEqual(['warning session/coder parked']);
    expect(plan.warnings[0]?.evidence.join()).toContain('Do you trust');
  });

  test('a window of another size is a warning', () => {
    const r = w.roster(coderWith('window: { width: 200, height: 50 }'));
    const observed = w.healthy(r);
    w.paneOf(observed, 'coder').width = 80;
    expect(w.lines(w.planOf(r, observed))).toEqual(['warning session/coder window-mismatch']);
  });
});

describe('sessions: what it was started from', () => {
  const oldSpec: Break = (o) => {
    const { mark } = w.session(o, 'coder');
    if (mark !== null) mark.spec = 'older';
  };

  test('another spec: restarted when idle and unattached', () => {
    expect(planned(fleet, oldSpec)).toEqual(['restart session/coder spec-changed']);
  });

  test('another spec while what runs cannot be told: restarted all the same, for so much is known', () => {
    const found = planned(fleet, (o) => {
      oldSpec(o);
      w.paneOf(o, 'coder').runs = { verdict: 'other', pid: 2000, program: 'sleep' };
    });
    expect(found).toEqual(['restart session/coder spec-changed', 'warning session/coder runtime-unknown']);
  });

  test('`on_change: keep`: a warning', () => {
    const r = w.roster(coderWith('on_change: keep'));
    const observed = w.healthy(r);
    oldSpec(observed);
    expect(w.lines(w.planOf(r, observed))).toEqual(['warning session/coder spec-changed']);
  });

  test('no fingerprint on the session: a warning', () => {
    expect(
      planned(fleet, (o) => {
        const { mark } = w.session(o, 'coder');
        if (mark !== null) mark.spec = null;
      }),
    ).toEqual(['warning session/coder spec-unknown']);
  });

  test('layout mosaic: a session newer than its env file was started from it', () => {
    const found = planned(mosaic, (o) => {
      const env = w.filesOf(o).env_files.coder;
      if (env?.state === 'present') (env.own as Record<string, string>).MOSAIC_AGENT_CLASS = 'boss';
    });
    expect(found).toEqual(['update env-file/coder env-file-changed', 'restart session/coder spec-changed']);
  });

  test('layout mosaic: an env file newer than its session is merged, the session judged by what lives', () => {
    const found = planned(mosaic, (o) => {
      const env = w.filesOf(o).env_files.coder;
      if (env?.state === 'present') {
        (env.own as Record<string, string>).MOSAIC_AGENT_CLASS = 'boss';
        env.modified_ms = w.NOW;
      }
    });
    expect(found).toEqual(['update env-file/coder env-file-changed', 'warning session/coder spec-unknown']);
  });

  test('layout mosaic: the inventory knows what fleet started', () => {
    const [agent] = mosaic.agents;
    if (agent === undefined) throw new Error('no agent');
    const observed = w.healthy(mosaic);
    const env = w.filesOf(observed).env_files.coder;
    if (env?.state === 'present') env.modified_ms = w.NOW;
    const s = w.session(observed, 'coder');
    const record = {
      agent: 'coder',
      socket: 'factory',
      server: { pid: 1000, start: 1_780_300_000 },
      id: s.id,
      created: s.created,
      spec: fingerprint(agent, w.HOME),
      boot_id: 'b00t',
      done: false,
      plan: null,
    };
    const plan = (sessions: Record<string, typeof record>): readonly string[] =>
      w.lines(w.planOf(mosaic, observed, { memory: { ...EMPTY_MEMORY, sessions } }));
    expect(plan({ coder: record })).toEqual([]);
    expect(plan({ coder: { ...record, spec: 'older' } })).toEqual(['restart session/coder spec-changed']);
    expect(plan({ coder: { ...record, created: 1 } })).toEqual(['warning session/coder spec-unknown']);
  });

  test('another working directory of the live process', () => {
    expect(
      planned(fleet, (o) => {
        w.processOf(o, 2000).cwd = { status: 'known', value: '/tmp' };
      }),
    ).toEqual(['restart session/coder workdir-mismatch']);
  });

  test('the environment of the live process: own keys and the roster’s', () => {
    const r = w.roster(coderWith('env: { FOO: bar }'));
    const observed = w.healthy(r);
    const { env } = w.processOf(observed, 2000);
    if (env.status === 'known') env.value.values.FOO = 'other';
    expect(w.lines(w.planOf(r, observed))).toEqual(['restart session/coder env-mismatch']);
  });

  test('a variable that is missing in the live process', () => {
    expect(
      planned(mosaic, (o) => {
        const { env } = w.processOf(o, 2000);
        if (env.status !== 'known') return;
        delete env.value.values.MOSAIC_AGENT_NAME;
        env.value.keys = ['PATH'];
      }),
    ).toEqual(['restart session/coder env-mismatch']);
  });

  test('layout mosaic: only NAME and CLASS are asked of the live process', () => {
    expect(
      planned(mosaic, (o) => {
        const { env } = w.processOf(o, 2000);
        if (env.status === 'known') env.value.values.MOSAIC_AGENT_MODEL = 'other';
      }),
    ).toEqual([]);
  });

  test('a secret that differs is told, never shown', () => {
    const r = w.roster(coderWith('env: { TOKEN: { from_file: ~/.secret } }'));
    const observed = w.healthy(r);
    const { env } = w.processOf(observed, 2000);
    if (env.status === 'known') env.value.secrets.TOKEN = { matches: false };
    const plan = w.planOf(r, observed);
    expect(w.lines(plan)).toEqual(['restart session/coder env-mismatch']);
    expect(plan.changes[0]?.before).toEqual({ env: { TOKEN: '***' } });
  });
});

describe('sessions: places that the roster names', () => {
  test('no such working directory: blocked, and nothing is started', () => {
    const found = planned(fleet, (o) => {
      w.filesOf(o).directories['~/src'] = { state: 'missing', detail: 'no such directory' };
      w.dropSession(o, 'coder');
    });
    expect(found).toEqual(['blocked(missing) session/coder workdir-missing']);
  });

  test('no such command: blocked, and nothing is replaced', () => {
    const found = planned(fleet, (o) => {
      w.filesOf(o).commands.coder = { state: 'missing', detail: 'no pi' };
      w.paneOf(o, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
    });
    expect(found).toEqual(['blocked(missing) session/coder command-missing']);
  });

  const SECRET = 'env: { TOKEN: { from_file: ~/.secrets/to ken } }';
  const gone: PathObserved = { state: 'missing', detail: 'there is no /home/jarvis/.secrets/to ken' };
  const noSecret = (seen: PathObserved | null) => (o: w.Mutable<Observed>) => {
    const files = w.filesOf(o);
    if (seen === null) delete files.secret_files;
    else files.secret_files = { '~/.secrets/to ken': seen };
  };
  const unlike = (o: w.Mutable<Observed>): void => {
    w.paneOf(o, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
  };

  test('a secret’s file is not there: blocked, and nothing is started or ended for it', () => {
    const r = w.roster(coderWith(SECRET));
    for (const change of [unlike, (o: w.Mutable<Observed>) => w.dropSession(o, 'coder'), () => {}]) {
      const observed = w.healthy(r);
      noSecret(gone)(observed);
      change(observed);
      const plan = w.planOf(r, observed);
      expect(w.lines(plan)).toEqual(['blocked(missing) session/coder secret-missing']);
      expect(plan.blocked[0]).toMatchObject({
        evidence: ['TOKEN: there is no /home/jarvis/.secrets/to ken'],
        remedy: expect.stringMatching(
          /^put the value of TOKEN into ~\/'\.secrets\/to ken', or correct `env` of coder in .*fleet plan/,
        ),
      });
    }
  });

  test('a secret’s file that cannot be read makes the agent unknown; where nobody looked nothing is said', () => {
    const r = w.roster(coderWith(SECRET));
    const told = (seen: PathObserved | null) => {
      const observed = w.healthy(r);
      noSecret(seen)(observed);
      unlike(observed);
      return w.lines(w.planOf(r, observed));
    };
    expect(told({ state: 'unknown', why: 'denied', detail: 'EACCES' })).toEqual(['unknown(denied) session/coder']);
    expect(told(null)).toEqual(['restart session/coder shell-left']);
  });
});

describe('sessions: whose they are', () => {
  test('an unmarked session of an agent’s name in layout fleet: blocked as not-adopted', () => {
    const found = planned(fleet, (o) => {
      w.session(o, 'coder').mark = null;
      w.paneOf(o, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
    });
    expect(found).toEqual(['blocked(not-ours) session/coder not-adopted']);
  });

  test('layout mosaic: ours while its unit is active, else not-adopted', () => {
    const shell: Break = (o) => {
      w.paneOf(o, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
    };
    expect(planned(mosaic, shell)).toEqual(['restart session/coder shell-left']);
    const found = planned(mosaic, (o) => {
      shell(o);
      Object.assign(w.unit(o, 'mosaic-agent@coder.service'), { active_state: 'inactive' });
    });
    expect(found).toEqual(['blocked(not-ours) session/coder not-adopted']);
  });

  test('a session of another fleet: blocked as other-owner', () => {
    const found = planned(fleet, (o) => {
      const { mark } = w.session(o, 'coder');
      if (mark !== null) mark.owner = 'theirs';
    });
    expect(found).toEqual(['blocked(other-owner) session/coder other-owner']);
  });

  test('a session without mark and not on the roster is unmanaged, and so is a prefix or a viewer', () => {
    const found = planned(fleet, (o) => {
      w.sessionsOf(o).push(
        w.sessionNamed(fleet, 'mine', '$50', 1, false) as never,
        w.sessionNamed(fleet, 'coder-2', '$51', 2, false) as never,
        w.sessionNamed(fleet, 'coder-watch-77', '$52', 3, false) as never,
      );
    });
    expect(found).toEqual(['unmanaged session/mine', 'unmanaged session/coder-2', 'unmanaged session/coder-watch-77']);
  });

  const otherSocket = (o: w.Mutable<Observed>, session: unknown): void => {
    if (o.sources.tmux.status !== 'known') throw new Error('unreachable');
    o.sources.tmux.value.servers.push({
      socket: 'default',
      path: '/tmp/tmux-1000/default',
      listening: [{ pid: 7, start_time: 7, cgroup: null }],
      server: { state: 'running', pid: 7, start: 7, sessions: [session as never] },
    });
  };

  test('our mark on another socket: blocked as wrong-socket, its files untouched', () => {
    const found = planned(fleet, (o) => {
      otherSocket(o, structuredClone(w.session(o, 'coder')));
      w.dropSession(o, 'coder');
      w.filesOf(o).env_files.coder = { state: 'absent' };
    });
    expect(found).toEqual(['blocked(wrong-socket) session/coder wrong-socket']);
  });

  test('our mark on another socket, its own not readable: its files untouched', () => {
    const found = planned(fleet, (o) => {
      otherSocket(o, structuredClone(w.session(o, 'coder')));
      w.tmuxOf(o).server = { state: 'unknown', why: 'denied', detail: 'x' };
      w.filesOf(o).env_files.coder = { state: 'absent' };
    });
    expect(found.filter((line) => line.includes('env-file'))).toEqual([]);
    expect(found).toContain('unknown(denied) session/coder');
  });

  test('another socket that cannot be read: a failed unit is not started', () => {
    const found = planned(fleet, (o) => {
      otherSocket(o, structuredClone(w.session(o, 'coder')));
      w.tmuxOf(o, 1).server = { state: 'unknown', why: 'denied', detail: 'x' };
      w.dropSession(o, 'coder');
      Object.assign(w.unit(o, 'fleet-agent@coder.service'), { active_state: 'failed', sub_state: 'failed' });
    });
    expect(found).toEqual(['unknown(denied) session/coder']);
  });

  test.each(['fleet', 'mosaic'] as const)(
    'our agent on another socket: its failed unit is not started (%s)',
    (layout) => {
      const r = layout === 'fleet' ? fleet : mosaic;
      const found = planned(r, (o) => {
        otherSocket(o, structuredClone(w.session(o, 'coder')));
        w.dropSession(o, 'coder');
        Object.assign(w.unit(o, `${layout}-agent@coder.service`), { active_state: 'failed', sub_state: 'failed' });
      });
      expect(found).toEqual(['blocked(wrong-socket) session/coder wrong-socket']);
    },
  );

  test('the exact name on another socket, with its NAME in the live environment: wrong-socket', () => {
    const found = planned(mosaic, (o) => {
      otherSocket(o, structuredClone(w.session(o, 'coder')));
      w.dropSession(o, 'coder');
    });
    expect(found).toEqual(['blocked(wrong-socket) session/coder wrong-socket']);
  });

  test('started by fleet on a server of another TMUX_TMPDIR that lives: no second copy, no second server', () => {
    const none = w.roster(NONE);
    const observed = w.healthy(none);
    const record = (agent: string) => ({
      agent,
      socket: 'factory',
      server: { pid: 4242, start: 1 },
      id: '$1',
      created: 1,
      spec: 'x',
      boot_id: 'b00t',
      done: false,
      plan: null,
    });
    Object.assign(w.tmuxOf(observed), { listening: [], server: { state: 'absent' } });
    w.filesOf(observed).env_files.coder = { state: 'absent' };
    if (observed.sources.tmux.status !== 'known') throw new Error('unreachable');
    observed.sources.tmux.value.elsewhere = [{ path: '/run/x/tmux-1000/factory', pid: 4242 }];
    const sessions = { coder: record('coder'), stub: record('stub') };
    const plan = w.planOf(none, observed, { memory: { ...EMPTY_MEMORY, sessions } });
    expect(w.lines(plan)).toEqual([
      'blocked(wrong-socket) session/coder wrong-socket',
      'blocked(wrong-socket) session/stub wrong-socket',
    ]);
    expect(plan.blocked[0]?.remedy).toContain('TMUX_TMPDIR=/run/x');
    const rebooted = { coder: { ...record('coder'), boot_id: 'earlier' }, stub: record('stub') };
    expect(w.lines(w.planOf(none, observed, { memory: { ...EMPTY_MEMORY, sessions: rebooted } }))).toContain(
      'start session/coder session-missing',
    );
  });

  test('the same name elsewhere without either: unmanaged, and ours is started', () => {
    const found = planned(fleet, (o) => {
      otherSocket(o, w.sessionNamed(fleet, 'coder', '$1', 9, false));
      w.dropSession(o, 'coder');
    });
    expect(found).toEqual(['start session/coder session-missing', 'unmanaged session/coder']);
  });

  test('the same agent twice: blocked, which is which, neither removed', () => {
    const observed = w.healthy(fleet);
    otherSocket(observed, structuredClone(w.session(observed, 'coder')));
    const plan = w.planOf(fleet, observed);
    expect(w.lines(plan)).toEqual(['blocked(duplicate) session/coder duplicate-session']);
    expect(plan.blocked[0]?.evidence).toHaveLength(2);
  });

  test('our mark under another name on its own socket: no second copy', () => {
    const found = planned(fleet, (o) => {
      w.session(o, 'coder').name = 'renamed';
    });
    expect(found).toEqual(['blocked(duplicate) session/coder duplicate-session']);
  });

  test('`state: stopped` with a session: stopped, guarded', () => {
    const r = w.roster(FLEET);
    const stopped = w.roster(coderWith('state: stopped', 'stopped: { by: ann, why: holidays }'));
    const observed = w.healthy(r);
    Object.assign(w.unit(observed, 'fleet-agent@coder.service'), { unit_file_state: 'disabled', wanted_by: [] });
    const plan = w.planOf(stopped, observed);
    expect(w.lines(plan)).toEqual(['stop session/coder should-be-stopped']);
    expect(plan.changes[0]?.evidence.join()).toContain('by ann: holidays');
    w.session(observed, 'coder').attached = 1;
    expect(w.lines(w.planOf(stopped, observed))).toEqual(['deferred(attached) stop session/coder should-be-stopped']);
  });
});

describe('sessions: who is not interrupted', () => {
  const wrong: Break = (o) => {
    w.paneOf(o, 'coder').runs = { verdict: 'runtime', runtime: 'dogfood', strength: 'strong', pid: 2000, evidence: '' };
  };

  test('someone attached: deferred without the flag, done with it', () => {
    const attached: Break = (o) => {
      wrong(o);
      w.session(o, 'coder').attached = 1;
    };
    expect(planned(fleet, attached)).toEqual(['deferred(attached) restart session/coder runtime-mismatch']);
    expect(planned(fleet, attached, { policy: { evenIfAttached: true } })).toEqual([
      'restart session/coder runtime-mismatch',
    ]);
  });

  test('a dead pane that someone looks at: deferred too', () => {
    const found = planned(fleet, (o) => {
      w.paneOf(o, 'coder').runs = { verdict: 'dead', status: 1, signal: null };
      w.session(o, 'coder').attached = 1;
    });
    expect(found).toEqual(['deferred(attached) restart session/coder session-dead']);
  });

  test.each(['env_files', 'argv_files'] as const)(
    'what it is started from (%s) could not be read: not ended, since it could not come up again',
    (kind) => {
      const found = planned(fleet, (o) => {
        wrong(o);
        w.filesOf(o)[kind]['coder'] = { state: 'unknown', why: 'denied', detail: 'EACCES' };
      });
      expect(found).toContain('unknown(denied) session/coder');
      expect(found.filter((line) => line.startsWith('restart'))).toEqual([]);
    },
  );

  test('the process table could not be read: what outlives a session could not be ended, so none is', () => {
    const found = planned(fleet, (o) => {
      w.paneOf(o, 'coder').runs = { verdict: 'dead', status: 1, signal: null };
      o.sources.processes = { status: 'unknown', why: 'denied', detail: 'EACCES' };
    });
    expect(found).toContain('unknown(denied) session/coder');
    expect(found.filter((line) => line.startsWith('restart'))).toEqual([]);
  });

  test('live processes in other panes count as someone attached', () => {
    const found = planned(fleet, (o) => {
      wrong(o);
      const copy = structuredClone(w.paneOf(o, 'coder'));
      w.session(o, 'coder').panes.push({ ...copy, id: '%9999', pid: 9999 });
    });
    expect(found).toEqual(['deferred(other-panes) restart session/coder runtime-mismatch']);
  });

  test("the agent's pane is gone, other panes live: session-missing, deferred", () => {
    const found = planned(fleet, (o) => {
      w.paneOf(o, 'coder').id = '%9999';
    });
    expect(found).toEqual(['deferred(other-panes) restart session/coder session-missing']);
  });

  test('busy by its heartbeat: deferred without the flag, done with it', () => {
    const busy: Break = (o) => {
      wrong(o);
      w.heartbeatsOf(o, 'coder').beat = w.beat(2000, 5, 'busy');
    };
    expect(planned(fleet, busy)).toEqual(['deferred(busy) restart session/coder runtime-mismatch']);
    expect(planned(fleet, busy, { policy: { evenIfBusy: true } })).toEqual(['restart session/coder runtime-mismatch']);
  });

  test('a busy heartbeat of another process does not make this one busy', () => {
    const found = planned(fleet, (o) => {
      wrong(o);
      w.heartbeatsOf(o, 'coder').beat = w.beat(4711, 5, 'busy');
    });
    expect(found).toEqual(['restart session/coder runtime-mismatch', 'warning heartbeat/coder heartbeat-foreign']);
  });

  test.each([
    ['active a moment ago', w.NOW / 1000 - 3, true],
    ['quiet for long', w.NOW / 1000 - 60, false],
    ['of unknown activity', null, true],
  ] as const)('a built-in runtime without a fresh heartbeat and a window %s: busy %s', (_name, activity, busy) => {
    const found = planned(fleet, (o) => {
      w.heartbeatsOf(o, 'coder').beat = { state: 'absent' };
      const { mark } = w.session(o, 'coder');
      if (mark !== null) mark.spec = 'older';
      w.paneOf(o, 'coder').window_activity = activity;
    });
    expect(found).toEqual([
      busy ? 'deferred(busy) restart session/coder spec-changed' : 'restart session/coder spec-changed',
    ]);
  });

  test("a runtime of the roster's own, and a shell, are not busy without a heartbeat that says so", () => {
    const active: Break = (o) => {
      w.heartbeatsOf(o, 'coder').beat = { state: 'absent' };
      w.paneOf(o, 'coder').window_activity = w.NOW / 1000;
    };
    const own = planned(fleet, (o) => {
      wrong(o);
      active(o);
    });
    const shell = planned(fleet, (o) => {
      active(o);
      w.paneOf(o, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
    });
    expect(own).toEqual(['restart session/coder runtime-mismatch']);
    expect(shell).toEqual(['restart session/coder shell-left']);
  });

  test('`protect: true`: blocked', () => {
    const r = w.roster(coderWith('protect: true'));
    const observed = w.healthy(r);
    wrong(observed);
    expect(w.lines(w.planOf(r, observed))).toEqual(['blocked(protect) session/coder runtime-mismatch']);
  });

  test('`protect: true`: not stopped either, nor restarted by a newer spec or a stale heartbeat', () => {
    const r = w.roster(coderWith('protect: true', 'heartbeat: { on_stale: restart }'));
    const spec = w.healthy(r);
    const { mark } = w.session(spec, 'coder');
    if (mark !== null) mark.spec = 'older';
    expect(w.lines(w.planOf(r, spec))).toEqual(['blocked(protect) session/coder spec-changed']);
    const stale = w.healthy(r);
    w.heartbeatsOf(stale, 'coder').beat = w.beat(2000, 600);
    expect(w.lines(w.planOf(r, stale))).toEqual([
      'blocked(protect) session/coder heartbeat-stale',
      'warning heartbeat/coder heartbeat-stale',
    ]);
    const off = w.roster(coderWith('protect: true', 'state: stopped'));
    expect(w.lines(w.planOf(off, w.healthy(r)))).toContain('blocked(protect) session/coder should-be-stopped');
  });

  test('`protect: true`: what is dead or missing is started, since that interrupts nothing', () => {
    const r = w.roster(coderWith('protect: true'));
    const dead = w.healthy(r);
    Object.assign(w.paneOf(dead, 'coder'), { dead: true, runs: { verdict: 'dead', status: 1, signal: null } });
    expect(w.lines(w.planOf(r, dead))).toEqual(['restart session/coder session-dead']);
    const missing = w.healthy(r);
    w.dropSession(missing, 'coder');
    expect(w.lines(w.planOf(r, missing))).toEqual(['start session/coder session-missing']);
    const shell = w.healthy(r);
    w.paneOf(shell, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
    expect(w.lines(w.planOf(r, shell))).toEqual(['blocked(protect) session/coder shell-left']);
  });

  test('`manage: warn`: planned as a warning; `manage: observe`: not planned', () => {
    for (const [mode, expected] of [
      ['warn', ['warning session/coder runtime-mismatch']],
      ['observe', []],
    ] as const) {
      const r = w.roster(coderWith(`manage: ${mode}`));
      const observed = w.healthy(r);
      wrong(observed);
      expect(w.lines(w.planOf(r, observed))).toEqual(expected);
    }
  });
});
