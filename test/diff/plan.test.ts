import { describe, expect, test } from 'vitest';
import type { Observed } from '../../src/observe/state.ts';
import { coderWith, FLEET, MOSAIC } from './rosters.ts';
import * as w from './world.ts';
import './findings-read.ts';

const fleet = w.roster(FLEET);

/** Everything at once, for what concerns the plan as a whole. */
function broken(): w.Mutable<Observed> {
  const observed = w.healthy(fleet);
  Object.assign(w.tmuxOf(observed), { listening: [], server: { state: 'absent' } });
  w.filesOf(observed).launcher = { state: 'absent' };
  w.filesOf(observed).unit_files['fleet-agent@.service'] = { state: 'absent' };
  w.filesOf(observed).env_files.coder = { state: 'absent' };
  observed.sources.linger = { status: 'known', value: { user: 'jarvis', enabled: false } };
  for (const name of ['coder', 'stub']) {
    Object.assign(w.unit(observed, `fleet-agent@${name}.service`), { unit_file_state: 'disabled' });
  }
  return observed;
}

describe('order', () => {
  test('files, reload, linger and boot, tmux server, agents', () => {
    expect(w.lines(w.planOf(fleet, broken()))).toEqual([
      'create env-file/fleet.launch env-file-missing',
      'create unit-file/fleet-agent@.service unit-missing',
      'create env-file/coder env-file-missing',
      'reload unit-file/fleet-agent@.service daemon-reload-needed',
      'enable linger/jarvis linger-disabled',
      'enable unit/fleet-agent@coder.service boot-disabled',
      'enable unit/fleet-agent@stub.service boot-disabled',
      'restart tmux-server/factory server-missing',
      'start session/coder session-missing',
      'start session/stub session-missing',
    ]);
  });

  test('a session waits for its files, the reload and its server, and for nothing of another agent', () => {
    const plan = w.planOf(fleet, broken());
    const at = 'w-jarvis/jarvis';
    const stub = plan.changes.find((c) => c.address === `${at}/session/stub`);
    expect(stub?.depends_on).toEqual([
      `${at}/env-file/fleet.launch`,
      `${at}/unit-file/fleet-agent@.service`,
      `${at}/tmux-server/factory`,
    ]);
    const coder = plan.changes.find((c) => c.address === `${at}/session/coder`);
    expect(coder?.depends_on).toContain(`${at}/env-file/coder`);
  });

  test('waves ascend, and who is depended on goes first', () => {
    const r = w.roster(`version: 1
supervisor: none
agents:
  - { name: late, runtime: pi, wave: 2 }
  - { name: user, runtime: pi, depends_on: [base] }
  - { name: base, runtime: pi }
`);
    const observed = w.healthy(r);
    for (const a of r.agents) w.dropSession(observed, a.name);
    const plan = w.planOf(r, observed);
    expect(plan.changes.map((c) => c.agent)).toEqual(['base', 'user', 'late']);
    expect(plan.changes[1]?.depends_on).toEqual(['w-jarvis/jarvis/session/base']);
  });

  test('stops go the other way round', () => {
    const yaml = (state: string): string => `version: 1
supervisor: none
defaults: { state: ${state} }
agents:
  - { name: base, runtime: pi }
  - { name: user, runtime: pi, depends_on: [base] }
  - { name: late, runtime: pi, wave: 2 }
`;
    const observed = w.healthy(w.roster(yaml('running')));
    const plan = w.planOf(w.roster(yaml('stopped')), observed);
    expect(plan.changes.map((c) => `${c.action} ${c.agent}`)).toEqual(['stop late', 'stop user', 'stop base']);
    expect(plan.changes.map((c) => c.depends_on)).toEqual([[], [], ['w-jarvis/jarvis/session/user']]);
  });

  test('what a busy agent stands on is stopped after it, and waits with it', () => {
    const yaml = (state: string): string => `version: 1
supervisor: none
defaults: { state: ${state} }
agents:
  - { name: base, runtime: pi }
  - { name: user, runtime: pi, depends_on: [base] }
  - { name: top, runtime: pi, depends_on: [user] }
  - { name: apart, runtime: pi }
`;
    const observed = w.healthy(w.roster(yaml('running')));
    w.heartbeatsOf(observed, 'user').beat = w.beat(2001, 5, 'busy');
    const plan = w.planOf(w.roster(yaml('stopped')), observed);
    expect(w.lines(plan)).toEqual([
      'stop session/top should-be-stopped',
      'stop session/apart should-be-stopped',
      'deferred(busy) stop session/base should-be-stopped',
      'deferred(busy) stop session/user should-be-stopped',
    ]);
    const base = plan.deferred.find((d) => d.agent === 'base');
    expect(base?.evidence.at(-1)).toBe('waits for w-jarvis/jarvis/session/user: busy');
    expect(base?.remedy).toBe('wait until it is idle, or: fleet apply --target session/user --even-if-busy');
  });

  test('one of a higher wave that something of a lower wave stands on goes first: waves are never turned round', () => {
    const yaml = (state: string): string => `version: 1
supervisor: none
defaults: { state: ${state} }
agents:
  - { name: base, runtime: pi, wave: 1 }
  - { name: user, runtime: pi, depends_on: [base] }
`;
    const plan = w.planOf(w.roster(yaml('stopped')), w.healthy(w.roster(yaml('running'))));
    expect(plan.changes.map((c) => [c.agent, c.depends_on])).toEqual([
      ['base', []],
      ['user', []],
    ]);
  });

  test('a restart of an agent that others stand on restarts none of them', () => {
    const r = w.roster(`version: 1
supervisor: none
agents:
  - { name: base, runtime: pi }
  - { name: user, runtime: pi, depends_on: [base] }
`);
    const observed = w.healthy(r);
    w.paneOf(observed, 'base').runs = { verdict: 'shell', pid: 1, program: 'sh' };
    expect(w.lines(w.planOf(r, observed))).toEqual(['restart session/base shell-left']);
  });
});

describe('--target and --exclude', () => {
  test('a target brings its prerequisites along', () => {
    const plan = w.planOf(fleet, broken(), { policy: { targets: ['session/coder'] } });
    expect(w.lines(plan)).toEqual([
      'create env-file/fleet.launch env-file-missing',
      'create unit-file/fleet-agent@.service unit-missing',
      'create env-file/coder env-file-missing',
      'reload unit-file/fleet-agent@.service daemon-reload-needed',
      'restart tmux-server/factory server-missing',
      'start session/coder session-missing',
    ]);
  });

  test("a bare name means all of an agent's resources", () => {
    const plan = w.planOf(fleet, broken(), { policy: { targets: ['stub'] } });
    expect(w.lines(plan)).toContain('enable unit/fleet-agent@stub.service boot-disabled');
    expect(w.lines(plan).join()).not.toContain('coder');
  });

  test('a prefix of a name is another name', () => {
    expect(w.planOf(fleet, broken(), { policy: { targets: ['cod'] } }).changes).toEqual([]);
  });

  test('what is excluded takes its dependents away', () => {
    const plan = w.planOf(fleet, broken(), { policy: { excludes: ['tmux-server/factory'] } });
    expect(w.lines(plan).filter((l) => l.includes('session/') || l.includes('tmux-server'))).toEqual([]);
    expect(w.lines(plan)).toContain('enable linger/jarvis linger-disabled');
  });

  test('what is excluded is not warned about either', () => {
    const observed = w.healthy(fleet);
    w.paneOf(observed, 'coder').prompt = { id: 'x', text: 'trust?' };
    expect(w.lines(w.planOf(fleet, observed, { policy: { excludes: ['coder'] } }))).toEqual([]);
  });

  test('a full address targets just that host', () => {
    const policy = { targets: ['other-host/jarvis/session/coder'] };
    expect(w.planOf(fleet, broken(), { policy }).changes).toEqual([]);
  });
});

describe('ignore rules', () => {
  const ignoring = (rule: string): ReturnType<typeof w.roster> => w.roster(`${FLEET}ignore:\n  - ${rule}\n`);

  test('a path covers that aspect, counted in the plan', () => {
    const r = ignoring('{ target: session/coder, path: /working_directory, reason: moving house, until: 2026-12-31 }');
    const observed = w.healthy(r);
    w.processOf(observed, 2000).cwd = { status: 'known', value: '/tmp' };
    const plan = w.planOf(r, observed);
    expect(w.lines(plan)).toEqual(['ignored session/coder workdir-mismatch']);
    expect(plan.summary.ignored).toBe(1);
    expect(w.text(plan)).toContain('moving house');
  });

  test('it covers that aspect only', () => {
    const r = ignoring('{ target: session/coder, path: /working_directory, reason: moving house }');
    const observed = w.healthy(r);
    w.paneOf(observed, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
    expect(w.lines(w.planOf(r, observed))).toEqual(['restart session/coder shell-left']);
  });

  test('without a path the whole resource is left alone', () => {
    const r = ignoring('{ target: session/coder, reason: hands off }');
    const observed = w.healthy(r);
    w.dropSession(observed, 'coder');
    expect(w.lines(w.planOf(r, observed))).toEqual(['ignored session/coder session-missing']);
  });

  test('it ends with its date', () => {
    const r = ignoring('{ target: session/coder, reason: hands off, until: 2026-05-31 }');
    const observed = w.healthy(r);
    w.dropSession(observed, 'coder');
    expect(w.lines(w.planOf(r, observed))).toEqual([
      'start session/coder session-missing',
      'warning session/coder ignore-expired',
    ]);
  });

  test('an agent that works where the roster no longer has it: the directory alone does not hold it back, both aspects do', () => {
    const moved = (...paths: readonly string[]) => {
      const rules = paths.map((path) => `  - { target: session/coder, path: ${path}, reason: moving house }\n`);
      const before = w.healthy(w.roster(FLEET));
      const after = FLEET.replace('working_directory: ~/src', 'working_directory: ~/house');
      expect(after).not.toBe(FLEET);
      w.filesOf(before).directories['~/house'] = { state: 'found', real: `${w.HOME}/house` };
      const lines = w.lines(w.planOf(w.roster(`${after}ignore:\n${rules.join('')}`), before));
      return lines.filter((line) => line.includes('session/coder'));
    };
    expect(moved('/working_directory')).toContain('restart session/coder env-mismatch');
    expect(moved('/working_directory', '/env/FLEET_AGENT_WORKDIR')).toEqual([
      'ignored session/coder workdir-mismatch',
      'ignored session/coder env-mismatch',
    ]);
  });
});

describe('hosts and tenants', () => {
  const two = w.roster(`version: 1
supervisor: none
hosts: { w-jarvis: {}, dragon-lin: { ssh: jw@dragon-lin } }
agents:
  - { name: here, runtime: pi, host: W-JARVIS }
  - { name: there, runtime: pi, host: dragon-lin }
`);
  const seen = (): w.Mutable<Observed> => w.healthy({ ...two, agents: two.agents.slice(0, 1) });

  test('an agent of another host is said to be unobserved, and the host unreachable', () => {
    const plan = w.planOf(two, seen());
    expect(plan.unknown.map((u) => u.address)).toEqual(['dragon-lin/jarvis/session/there']);
    expect(plan.hosts.map((h) => `${h.name} ${h.status}`)).toEqual(['w-jarvis observed', 'dragon-lin unreachable']);
    expect(plan.complete).toBe(false);
  });

  test('--host leaves it out, case aside', () => {
    const plan = w.planOf(two, seen(), { policy: { hosts: ['W-Jarvis'] } });
    expect(plan.hosts).toHaveLength(1);
    expect(plan.complete).toBe(true);
  });
});

describe('an empty roster', () => {
  const empty = w.roster('version: 1\nfleet: mosaic\nsupervisor: none\nagents: []\n');

  test('plans nothing and removes nothing unless --allow-empty', () => {
    const none = w.roster(FLEET.replace('fleet: mosaic\n', 'fleet: mosaic\nsupervisor: none\n'));
    const observed = w.healthy(none);
    const socket = { ...empty, tmux: none.tmux };
    const memory = w.owning(none, ['coder', 'stub']);
    expect(w.planOf(socket, observed, { memory, policy: { prune: true } }).changes).toEqual([]);
    const policy = { prune: true, allowEmpty: true };
    const emptied = w.planOf(socket, observed, { memory, policy });
    expect(w.planOf(socket, observed, { memory, policy: { allowEmpty: true } }).changes).toEqual([]);
    expect(emptied.changes.filter((c) => c.kind === 'session').map((c) => c.address)).toEqual([
      'w-jarvis/jarvis/session/coder',
      'w-jarvis/jarvis/session/stub',
    ]);
  });
});

describe('the plan as a document', () => {
  test('the same roster and observation give the same bytes; created and tool version are outside its id', () => {
    const one = w.planOf(fleet, broken());
    const two = w.planOf(fleet, broken());
    expect(JSON.stringify(one)).toBe(JSON.stringify(two));
    expect(one.plan_id).toMatch(/^[0-9a-f]{64}$/);
    expect(one.created).toBe('2026-06-01T12:00:00.000Z');
  });

  test('what is pruned waits for its session when that is deferred', () => {
    const observed = w.healthy(fleet);
    if (observed.sources.units.status === 'known') {
      observed.sources.units.value.units['fleet-agent@gone.service'] = w.unitNamed(
        'fleet-agent@gone.service',
        true,
      ) as never;
    }
    w.filesOf(observed).argv_files.gone = w.fileWith('# fleet: owner=mosaic\n');
    const orphan = structuredClone(w.session(observed, 'stub'));
    Object.assign(orphan, {
      name: 'gone',
      id: '$70',
      attached: 1,
      mark: { owner: 'mosaic', agent: 'gone', spec: null, pane: null },
    });
    w.sessionsOf(observed).push(orphan);
    const plan = w.planOf(fleet, observed, { policy: { prune: true }, memory: w.owning(fleet, ['gone']) });
    expect(plan.changes).toEqual([]);
    expect(plan.deferred.map((d) => `${d.why} ${d.action} ${d.kind}`)).toEqual([
      'attached stop session',
      'attached stop unit',
      'attached disable unit',
      'attached destroy env-file',
    ]);
  });

  test('secret values are in no part of it', () => {
    const r = w.roster(coderWith('env: { TOKEN: { from_file: ~/.secret } }'));
    const observed = w.healthy(r);
    w.filesOf(observed).env_files.coder = { state: 'absent' };
    expect(JSON.stringify(w.planOf(r, observed))).not.toContain('hunter2');
  });

  test('the text shows what is read now, what it should be, why, and the roster line', () => {
    const r = w.roster(MOSAIC);
    const observed = w.healthy(r);
    w.paneOf(observed, 'coder').runs = {
      verdict: 'runtime',
      runtime: 'dogfood',
      strength: 'strong',
      pid: 2000,
      evidence: 'script dogfood.py',
    };
    Object.assign(w.unit(observed, 'mosaic-agent@stub.service'), { unit_file_state: 'disabled', wanted_by: [] });
    w.sessionsOf(observed).push(w.sessionNamed(r, 'mine', '$50', 1, false) as never);
    expect(w.text(w.planOf(r, observed)).split('\n')).toEqual([
      'Plan: 1 to restart, 1 to enable. 1 of 1 host observed; 0 agents unchanged.',
      '',
      '~ w-jarvis/jarvis/unit/mosaic-agent@stub.service  enable (boot-disabled)',
      '    unit_file_state: disabled -> enabled',
      '    because: mosaic-agent@stub.service is disabled: a reboot loses it',
      '    roster: fleet.yaml:8',
      '',
      '-/+ w-jarvis/jarvis/session/coder  restart (runtime-mismatch)',
      '    runtime: dogfood -> pi',
      '    because: script dogfood.py',
      '    roster: fleet.yaml:6',
      '',
      'Unmanaged, left alone:',
      '    w-jarvis/jarvis/session/mine: no mark, not on the roster',
      '',
    ]);
  });

  test('control characters from a host cannot move the cursor of the reader', () => {
    const observed = w.healthy(fleet);
    w.paneOf(observed, 'coder').prompt = { id: 'x', text: '\u001b[2Jgone\u202e' };
    const said = w.text(w.planOf(fleet, observed));
    expect(said).not.toContain('\u001b');
    expect(said).toContain('\\u001b[2Jgone\\u202e');
  });
});
