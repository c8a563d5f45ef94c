import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BUILT_IN_RUNTIMES } from '../../src/spec/runtimes.ts';
import { diagnose, outdent, roster } from './diagnose.ts';

const agent = (text: string, name = 'a') => roster(text).agents.find((a) => a.name === name);

describe('a roster', () => {
  it('is complete with a version and no agents', () => {
    const text = 'version: 1\nagents: []\n';
    expect(roster(text)).toEqual({
      path: 'r.yaml',
      sha256: createHash('sha256').update(text).digest('hex'),
      fleet: 'fleet',
      layout: 'fleet',
      supervisor: 'systemd',
      tmux: { socketName: null, holderSession: '_holder' },
      hosts: {},
      tenants: {},
      runtimes: BUILT_IN_RUNTIMES,
      agents: [],
      ignore: [],
    });
  });

  it('fills in every default of an agent', () => {
    expect(agent('version: 1\nagents:\n  - name: a\n    runtime: pi\n')).toEqual({
      name: 'a',
      host: null,
      tenant: null,
      runtime: 'pi',
      class: 'worker',
      lifecycle: 'core',
      state: 'running',
      stopped: null,
      boot: true,
      socket: null,
      argv: ['pi'],
      commandGiven: false,
      modelHint: null,
      env: {},
      workingDirectory: '~',
      window: null,
      manage: 'enforce',
      protect: false,
      onChange: 'defer',
      heartbeat: { interval: 15_000, staleAfter: 3, required: true, onStale: 'report' },
      restart: { backoff: 30_000, maxBackoff: 600_000, limit: 5, window: 900_000 },
      dependsOn: [],
      wave: 0,
      persistentPersona: null,
      resetBetweenTasks: null,
      source: { file: 'r.yaml', line: 3, col: 5 },
    });
  });

  it('takes every field as written', () => {
    const written = agent(`
      version: 1
      hosts: { W-Jarvis: {} }
      tenants: { jarvis: { user: jw } }
      agents:
        - { name: b, runtime: pi }
        - name: a
          runtime: pi
          host: w-jarvis
          tenant: jarvis
          class: a b
          lifecycle: ephemeral
          state: stopped
          stopped: { by: me, why: moving }
          socket: s
          command: [pi, --model, x]
          args: [-y, "a b"]
          model_hint: sonnet
          env: { FOO: bar, TOKEN: { from_file: ~/.t } }
          working_directory: ~/src/a
          window: { width: 200, height: 50 }
          manage: observe
          protect: true
          on_change: keep
          heartbeat: { interval: 1m, stale_after: 4, required: false, on_stale: restart }
          restart: { backoff: 500ms, max_backoff: 1.5h, limit: 1, window: 1d }
          depends_on: [b]
          wave: -1
    `);
    expect(written).toMatchObject({
      host: 'w-jarvis',
      tenant: 'jarvis',
      class: 'a b',
      lifecycle: 'ephemeral',
      state: 'stopped',
      stopped: { by: 'me', why: 'moving' },
      boot: false,
      socket: 's',
      argv: ['pi', '--model', 'x', '-y', 'a b'],
      commandGiven: true,
      modelHint: 'sonnet',
      env: { FOO: { kind: 'plain', value: 'bar' }, TOKEN: { kind: 'secret', fromFile: '~/.t' } },
      workingDirectory: '~/src/a',
      window: { width: 200, height: 50 },
      manage: 'observe',
      protect: true,
      onChange: 'keep',
      heartbeat: { interval: 60_000, staleAfter: 4, required: false, onStale: 'restart' },
      restart: { backoff: 500, maxBackoff: 5_400_000, limit: 1, window: 86_400_000 },
      dependsOn: ['b'],
      wave: -1,
      source: { file: 'r.yaml', line: 6, col: 5 },
    });
  });

  it('lays an agent over the defaults, mappings key by key, the rest as a whole', () => {
    const merged = agent(`
      version: 1
      defaults:
        runtime: pi
        args: [--default]
        env: { A: default, B: default }
        heartbeat: { interval: 1m, stale_after: 5 }
        restart: { limit: 9 }
        depends_on: [b]
        working_directory: /default
      agents:
        - { name: a, args: [], env: { B: own }, heartbeat: { interval: 2m }, depends_on: [] }
        - { name: b, depends_on: [] }
    `);
    expect(merged).toMatchObject({
      argv: ['pi'],
      env: { A: { kind: 'plain', value: 'default' }, B: { kind: 'plain', value: 'own' } },
      heartbeat: { interval: 120_000, staleAfter: 5, required: true, onStale: 'report' },
      restart: { backoff: 30_000, limit: 9 },
      dependsOn: [],
      workingDirectory: '/default',
    });
  });

  it.each([
    ['core', 'lifecycle: core', true],
    ['ephemeral', 'lifecycle: ephemeral', false],
    ['stopped', 'state: stopped', false],
    ['core with boot: false', 'boot: false', false],
  ])('comes up at boot or not: %s', (_what, field, boot) => {
    expect(agent(`version: 1\nagents: [{ name: a, runtime: pi, ${field} }]\n`)?.boot).toBe(boot);
    const byDefault = `version: 1\ndefaults: { boot: true }\nagents: [{ name: a, runtime: pi, ${field} }]\n`;
    expect(agent(byDefault)?.boot).toBe(boot);
  });

  it('starts nothing at boot without a supervisor', () => {
    expect(agent('version: 1\nsupervisor: none\nagents: [{ name: a, runtime: pi }]\n')?.boot).toBe(false);
  });

  it('takes the agent’s command over the runtime’s, and says whether the roster gives one', () => {
    const text = `
      version: 1
      runtimes: { foo: { command: [/opt/foo, -x] }, codex: { command: [/opt/codex] } }
      agents:
        - { name: a, runtime: foo, args: [-y] }
        - { name: b, runtime: foo, command: [bar] }
        - { name: c, runtime: codex }
        - { name: d, runtime: claude, args: [-z] }
    `;
    const argvs = roster(text).agents.map(({ argv, commandGiven }) => [argv, commandGiven]);
    expect(argvs).toEqual([
      [['/opt/foo', '-x', '-y'], true],
      [['bar'], true],
      [['/opt/codex'], true],
      [['claude', '-z'], false],
    ]);
  });

  it('means the default server by no socket, an empty one and tmux’s own name for it', () => {
    const text = `
      version: 1
      tmux: { socket_name: main }
      defaults: { runtime: pi }
      agents: [{ name: a }, { name: b, socket: '' }, { name: c, socket: default }, { name: d, socket: own }]
    `;
    expect(roster(text).agents.map(({ socket }) => socket)).toEqual(['main', null, null, 'own']);
    expect(roster("version: 1\ntmux: { socket_name: '' }\nagents: []\n").tmux.socketName).toBeNull();
  });

  it('defines a host by naming it where no hosts are listed, and by the ssh beside it where they are', () => {
    const without = 'version: 1\ndefaults: { runtime: pi, host: W-Jarvis }\nagents: [{ name: a }]\n';
    expect(roster(without).hosts).toEqual({ 'w-jarvis': { name: 'W-Jarvis', ssh: null } });
    const beside = `
      version: 1
      hosts: { w-jarvis: {} }
      defaults: { runtime: pi, host: w-jarvis }
      agents: [{ name: a, host: Dragon, ssh: me@dragon }, { name: b, host: dragon }, { name: c }]
    `;
    expect(roster(beside).hosts).toEqual({
      'w-jarvis': { name: 'w-jarvis', ssh: null },
      dragon: { name: 'Dragon', ssh: 'me@dragon' },
    });
    expect(roster(beside).agents.map(({ host }) => host)).toEqual(['dragon', 'dragon', 'w-jarvis']);
  });

  it('does not lend the ssh of the default host to another host', () => {
    const text = `
      version: 1
      defaults: { runtime: pi, host: far, ssh: me@far }
      agents: [{ name: a, host: near }, { name: b }]
    `;
    expect(roster(text).hosts).toEqual({ near: { name: 'near', ssh: null }, far: { name: 'far', ssh: 'me@far' } });
  });

  it('finds no runtime, host or tenant that only JavaScript knows', () => {
    const { runtimes, hosts, tenants } = roster('version: 1\nagents: []\n');
    for (const known of [runtimes, hosts, tenants]) expect(known['constructor']).toBeUndefined();
    expect(diagnose('version: 1\nagents: [{ name: a, runtime: constructor }]\n')[0]).toMatch(/^2:30: unknown name: /);
    expect(agent('version: 1\nagents: [{ name: constructor, runtime: pi }]\n', 'constructor')?.argv).toEqual(['pi']);
  });

  it('keeps ignore rules with their places', () => {
    const text = `
      version: 1
      agents: [{ name: a, runtime: pi }]
      ignore:
        - { target: session/a, path: /working_directory, reason: moving house, until: 2026-12-31 }
        - { target: linger/jarvis, reason: theirs }
    `;
    expect(roster(text).ignore).toEqual([
      {
        target: 'session/a',
        path: '/working_directory',
        reason: 'moving house',
        until: '2026-12-31',
        source: { file: 'r.yaml', line: 4, col: 5 },
      },
      {
        target: 'linger/jarvis',
        path: null,
        reason: 'theirs',
        until: null,
        source: { file: 'r.yaml', line: 5, col: 5 },
      },
    ]);
  });

  it('gives the same places whichever reader read it', () => {
    const text = outdent(`
      version: 1
      agents:
        - name: a
          runtime: pi
        -
          # on its own line
          name: b
          runtime: pi
        - { name: c, runtime: pi }
    `);
    const places = roster(text).agents.map(({ source }) => [source.line, source.col]);
    expect(places).toEqual([
      [3, 5],
      [7, 5],
      [9, 5],
    ]);
    const escaped = text.replace('version: 1', 'version: 1\nfleet: "fl\\x65et"');
    const shifted = roster(escaped).agents.map(({ source }) => [source.line - 1, source.col]);
    expect(shifted).toEqual(places);
  });
});

describe('how a runtime is recognised', () => {
  const match = (entry: string) => roster(`version: 1\nruntimes: { foo: ${entry} }\nagents: []\n`).runtimes['foo'];

  it.each([
    ['{ command: [foo] }', { exe: ['foo'], script: [], packages: [] }],
    ['{ command: [/opt/foo/bin/foo, -x] }', { exe: ['/opt/foo/bin/foo'], script: [], packages: [] }],
    ['{ command: [python3.11, ~/agents/foo.py, x] }', { exe: [], script: ['~/agents/foo.py'], packages: [] }],
    ['{ command: [/usr/bin/node, src/foo.js] }', { exe: [], script: ['foo.js'], packages: [] }],
    ['{ command: [bash, foo.sh] }', { exe: [], script: ['foo.sh'], packages: [] }],
    [
      '{ match: { exe: [foo, /opt/foo], package: "@x/foo" } }',
      { exe: ['foo', '/opt/foo'], script: [], packages: ['@x/foo'] },
    ],
  ])('%s', (entry, expected) => {
    expect(match(entry)?.match).toEqual(expected);
  });

  it('takes one of the roster’s own to beat unless it says otherwise', () => {
    expect(match('{ command: [foo] }')).toMatchObject({ own: true, beats: true });
    expect(match('{ command: [foo], beats: false }')).toMatchObject({ own: true, beats: false });
  });

  it('stays built in with another command, and becomes the roster’s own with another match', () => {
    const text = 'version: 1\nruntimes: { pi: { command: [/opt/pi] }, amp: { match: { exe: amp2 } } }\nagents: []\n';
    const { pi, amp } = roster(text).runtimes;
    expect(pi).toEqual({ ...BUILT_IN_RUNTIMES['pi'], command: ['/opt/pi'] });
    expect(amp).toEqual({
      name: 'amp',
      own: true,
      command: ['amp'],
      match: { exe: ['amp2'], script: [], packages: [] },
      beats: true,
    });
  });
});

describe('a Mosaic roster', () => {
  const MOSAIC = `
    version: 1
    transport: tmux
    tmux: { socketName: mosaic-factory, holder_session: _holder }
    defaults: { workingDirectory: ~/src }
    runtimes:
      pi: { reset_command: /new }
      claude: { resetCommand: /clear }
    agents:
      - { name: canary-pi, runtime: pi, class: canary, persistentPersona: true, resetBetweenTasks: false }
      - name: coder0-0
        runtime: claude
        host: dragon-lin
        ssh: jwoltje@dragon-lin
        socket: ''
        model_hint: sonnet
      - { name: coder0-1, runtime: codex, modelHint: x, persistent_persona: false, reset_between_tasks: true }
    connector: { kind: discord, channels: [1, 2], nested: { a: null } }
  `;

  it('validates unchanged, and means layout mosaic', () => {
    const parsed = roster(MOSAIC);
    expect(parsed).toMatchObject({
      fleet: 'fleet',
      layout: 'mosaic',
      supervisor: 'systemd',
      tmux: { socketName: 'mosaic-factory', holderSession: '_holder' },
      hosts: { 'dragon-lin': { name: 'dragon-lin', ssh: 'jwoltje@dragon-lin' } },
    });
    expect(parsed.agents).toMatchObject([
      {
        name: 'canary-pi',
        class: 'canary',
        socket: 'mosaic-factory',
        persistentPersona: true,
        resetBetweenTasks: false,
      },
      { name: 'coder0-0', host: 'dragon-lin', socket: null, modelHint: 'sonnet', workingDirectory: '~/src' },
      { name: 'coder0-1', modelHint: 'x', persistentPersona: false, resetBetweenTasks: true },
    ]);
  });

  it('leaves the command to Mosaic’s launcher, and a runtime with only a reset_command built in', () => {
    const parsed = roster(MOSAIC);
    expect(parsed.agents.map(({ argv, commandGiven }) => [argv, commandGiven])).toEqual([
      [null, false],
      [null, false],
      [null, false],
    ]);
    expect(parsed.runtimes['pi']).toEqual({ ...BUILT_IN_RUNTIMES['pi'], command: null });
  });

  it('keeps another layout where it says so, and starts by itself without a supervisor', () => {
    expect(roster('version: 1\ntransport: tmux\nlayout: fleet\nagents: []\n').layout).toBe('fleet');
    const none = 'version: 1\ntransport: tmux\nsupervisor: none\nagents: [{ name: a, runtime: pi }]\n';
    expect(agent(none)?.argv).toEqual(['pi']);
  });
});
