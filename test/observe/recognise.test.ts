/** The rule of docs/observing.md, sentence by sentence, on made-up panes. */
import { describe, expect, test } from 'vitest';
import { recognise } from '../../src/observe/proc/recognise.ts';
import type { PaneRuns } from '../../src/observe/state.ts';
import type { RuntimeMatch, RuntimeSpec } from '../../src/spec/model.ts';
import { BUILT_IN_RUNTIMES } from '../../src/spec/runtimes.ts';
import { type Actor, stage, type World } from './pane-world.ts';

const BASH: Actor = { exe: '/usr/bin/bash', argv: ['bash'] };
const NODE = '/usr/bin/node';
const CLI = {
  real: '/opt/pi/node_modules/@mariozechner/pi-coding-agent/dist/cli.js',
  package: '@mariozechner/pi-coding-agent',
};
const CLAUDE = '/opt/claude/bin/claude.exe';
const FILES = {
  '/opt/bin/pi': CLI,
  [CLI.real]: CLI,
  [CLAUDE]: { real: CLAUDE, package: '@anthropic-ai/claude-code' },
  '/usr/bin/npx': { real: '/usr/lib/npm/bin/npx-cli.js', package: 'npm' },
  [NODE]: NODE,
};
const PI: Actor = { exe: NODE, argv: ['node', '/opt/bin/pi'] };

function own(name: string, match: Partial<RuntimeMatch>): RuntimeSpec {
  return { name, own: true, command: null, match: { exe: [], script: [], packages: [], ...match }, beats: true };
}

function tell(world: World, ...runtimes: readonly RuntimeSpec[]): PaneRuns {
  const all = { ...BUILT_IN_RUNTIMES, ...Object.fromEntries(runtimes.map((r) => [r.name, r])) };
  return recognise(world.pane, world.table, world.details, world.paths, all, '/home/u');
}

/** One line for a verdict: `pi strong 101`, `other sleep`, `shell bash`, … */
function brief(runs: PaneRuns): string {
  switch (runs.verdict) {
    case 'runtime':
      return `${runs.runtime} ${runs.strength} ${runs.pid}${runs.also === undefined ? '' : ` also ${runs.also.join()}`}`;
    case 'shell':
    case 'other':
      return `${runs.verdict} ${runs.program}`;
    case 'opaque':
      return `opaque ${runs.program}`;
    case 'suspended':
      return `suspended ${runs.runtime}`;
    case 'ambiguous':
      return `ambiguous ${runs.runtimes.join()}`;
    case 'unknown':
      return `unknown ${runs.why}`;
    default:
      return runs.verdict;
  }
}

const sees = (actors: readonly Actor[], ...runtimes: readonly RuntimeSpec[]): string =>
  brief(tell(stage(actors, FILES), ...runtimes));

describe('what cannot be read', () => {
  test('is unknown: a shell whose words are unread may run a script, which may be the runtime', () => {
    expect(sees([{ exe: '/usr/bin/bash', argv: null }])).toBe('unknown denied');
    expect(sees([{ exe: '/usr/bin/bash', argv: null }, { exe: '/usr/bin/sleep' }])).toBe('unknown denied');
  });

  test('hides what is below it: that may be a tool of the wanted runtime', () => {
    expect(sees([{ exe: null, argv: null }, PI])).toBe('unknown denied');
    expect(sees([{ exe: NODE, argv: null }, PI])).toBe('unknown denied');
  });

  test('hides nothing above it', () => {
    expect(sees([PI, { exe: null, argv: null }])).toBe('pi strong 100');
  });
});

describe('dead and gone', () => {
  test('a dead pane is dead whatever else is shown, its status and signal kept', () => {
    const world = stage([PI], FILES, { dead: true, dead_status: 1, current_command: 'pi' });
    expect(tell(world)).toEqual({ verdict: 'dead', status: 1, signal: null });
  });

  test('a dead pane without status or signal is never taken for exit 0', () => {
    expect(tell(stage([], {}, { dead: true }))).toEqual({ verdict: 'dead', status: null, signal: null });
  });

  test('a dead pane of which tmux missed the end tells it by the zombie that is left', () => {
    const ended = (exitCode: number, state = 'Z') => tell(stage([{ ...PI, state, exitCode }], FILES, { dead: true }));
    expect(ended(3 << 8)).toEqual({ verdict: 'dead', status: 3, signal: null });
    expect(ended(0)).toEqual({ verdict: 'dead', status: 0, signal: null });
    expect(ended(9)).toEqual({ verdict: 'dead', status: null, signal: '9' });
    expect(ended(11 | 0x80)).toEqual({ verdict: 'dead', status: null, signal: '11' });
    expect(ended(0, 'S')).toEqual({ verdict: 'dead', status: null, signal: null });
  });

  test("the pane's process missing from the table is gone", () => {
    expect(tell(stage([PI], FILES, { pid: 4242 }))).toEqual({ verdict: 'gone' });
  });

  test("the pane's process a zombie is gone", () => expect(sees([{ ...PI, state: 'Z' }])).toBe('gone'));

  test('a pane for which tmux names no process is unknown, not gone', () => {
    expect(tell(stage([PI], FILES, { pid: null }))).toMatchObject({ verdict: 'unknown', why: 'garbage' });
  });
});

describe('candidates', () => {
  test('a runtime in a foreground group of its own, typed into a shell, is found', () => {
    const world = stage([{ ...BASH, foreground: false }, PI], FILES);
    // Both groups differ: the child is a job of the shell and owns the terminal.
    const front = {
      ...world.table,
      entries: new Map([...world.table.entries].map(([k, e]) => [k, { ...e, tpgid: 101, pgrp: k }])),
    };
    expect(brief(tell({ ...world, table: front }))).toBe('pi strong 101');
  });

  test('a runtime in the background of a shell is not what the pane shows', () => {
    expect(sees([BASH, { ...PI, foreground: false }])).toBe('shell bash');
  });

  test('a process without terminal whose input is the pane counts', () => {
    expect(sees([BASH, { ...PI, tty: 0 }])).toBe('pi strong 101');
  });

  test('and counts too when it has lost its parent', () => {
    expect(sees([BASH, { ...PI, tty: 0, under: 1 }])).toBe('pi strong 101');
  });

  test('a tool of an agent, without terminal and with /dev/null as input, does not count', () => {
    const claude: Actor = { exe: CLAUDE, argv: ['claude'], tty: 0, fd0: '/dev/null' };
    expect(sees([PI, claude])).toBe('pi strong 100');
    expect(sees([BASH, claude])).toBe('shell bash');
  });

  test('a process whose input is the terminal of an earlier pane does not count', () => {
    expect(sees([BASH, { ...PI, tty: 0, under: 1, fd0: '/dev/pts/7 (deleted)' }])).toBe('shell bash');
  });

  test('a tool on a terminal of its own does not count', () => {
    expect(sees([PI, { exe: CLAUDE, tty: 34816 + 9 }])).toBe('pi strong 100');
  });

  test('script is followed into the terminal that it made', () => {
    const script: Actor = { exe: '/usr/bin/script' };
    expect(sees([script, { ...PI, tty: 34816 + 9 }])).toBe('pi strong 101');
    expect(sees([BASH, script, { ...BASH, tty: 34816 + 9 }])).toBe('shell bash');
    expect(sees([script, { exe: '/usr/bin/sleep', tty: 34816 + 9 }])).toBe('other sleep');
  });
});

describe('proof', () => {
  test("the package of the executable's real path is strong", () => {
    expect(sees([{ exe: CLAUDE, argv: ['anything'], comm: 'x' }])).toBe('claude strong 100');
  });

  test("an npm package for one platform is its program's", () => {
    const exe = '/opt/q/bin/q';
    const installed = (name: string): World => stage([{ exe }], { [exe]: { real: exe, package: name } });
    expect(brief(tell(installed('@cline/cli-linux-arm64')))).toBe('cline strong 100');
    expect(brief(tell(installed('@qwen-code/qwen-code-linux-riscv64-musl')))).toBe('qwen strong 100');
    expect(brief(tell(installed('@qwen-code/qwen-code-linux')))).toBe('other q');
  });

  test('an executable below a directory that is known to hold only versions of it is strong', () => {
    expect(sees([{ exe: '/home/u/.local/share/claude/versions/2.1.330', comm: '2.1.330' }])).toBe('claude strong 100');
    expect(sees([{ exe: '/home/u/.local/share/claude/other', comm: 'claude' }])).toBe('other other');
  });

  test("an interpreter's first argument that is no option, by its real path and package, is strong", () => {
    expect(sees([PI])).toBe('pi strong 100');
    expect(sees([{ ...PI, argv: ['node', '--import', 'tsx', '--no-warnings', '/opt/bin/pi', '--model', 'x'] }])).toBe(
      'pi strong 100',
    );
  });

  test('a relative script is taken from the directory of its process', () => {
    expect(sees([{ ...PI, argv: ['node', 'bin/pi'], cwd: '/opt' }])).toBe('pi strong 100');
  });

  test('a written-over command line is strong where `_` names the package', () => {
    expect(sees([{ exe: NODE, title: 'pi', comm: 'pi', starter: '/opt/bin/pi' }])).toBe('pi strong 100');
  });

  test('title and comm together, alone, are medium', () => {
    expect(sees([{ exe: NODE, title: 'pi', comm: 'pi' }])).toBe('pi medium 100');
    expect(sees([{ exe: NODE, title: 'pi', comm: 'pi', environ: null }])).toBe('pi medium 100');
  });

  test('a `_` inherited from an installer says nothing against the title', () => {
    const npm: Actor = { exe: NODE, title: 'npm exec pi', comm: 'npm exec pi', starter: '/usr/bin/npx' };
    const sh: Actor = { exe: '/usr/bin/dash', argv: ['sh', '-c', "'pi'"], starter: '/usr/bin/npx' };
    expect(sees([npm, sh, { exe: NODE, title: 'pi', comm: 'pi', starter: '/usr/bin/npx' }])).toBe('pi medium 102');
  });

  test('the bare name of an executable is weak', () => {
    expect(sees([{ exe: '/tmp/claude' }])).toBe('claude weak 100');
  });

  test('the name in comm or the title alone is nothing', () => {
    expect(sees([{ exe: NODE, argv: ['node', '/tmp/x.js'], comm: 'pi' }])).toBe('other node x.js');
    expect(sees([{ exe: NODE, title: 'pi', comm: 'node' }])).toBe('other node (pi)');
    expect(brief(tell(stage([{ exe: '/usr/bin/sleep' }], FILES, { title: 'π - work', current_command: 'pi' })))).toBe(
      'other sleep',
    );
  });
});

describe('false friends', () => {
  test('a script named pi', () => {
    expect(sees([{ exe: NODE, argv: ['node', '/tmp/pi'], comm: 'pi' }])).toBe('other node pi');
    expect(sees([{ exe: '/usr/bin/bash', argv: ['/bin/bash', '/tmp/pi'], comm: 'pi' }])).toBe('other bash pi');
  });
  test('a link named pi: the real path counts', () => {
    const world = stage([{ exe: '/usr/bin/sleep', argv: ['/tmp/pi', '60'], comm: 'pi' }], {
      '/tmp/pi': '/usr/bin/sleep',
    });
    expect(brief(tell(world))).toBe('other sleep');
  });
  test('exec -a pi', () => {
    expect(sees([{ exe: '/usr/bin/sleep', argv: ['pi', '60'] }])).toBe('other sleep');
    expect(sees([{ exe: NODE, argv: ['pi'] }])).toBe('other node');
    expect(sees([{ exe: NODE, argv: ['pi', '/tmp/x.js'] }])).toBe('other node x.js');
  });
  test('process.title = "pi" is weak where its shell says that it started another script', () => {
    const world = stage(
      [
        { ...BASH, starter: '/usr/bin/bash' },
        { exe: NODE, title: 'pi', comm: 'pi', starter: '/tmp/x.js' },
      ],
      {
        ...FILES,
        '/tmp/x.js': '/tmp/x.js',
      },
    );
    expect(brief(tell(world))).toBe('pi weak 101');
  });
  test('an editor or a grep with the name as argument', () => {
    expect(sees([BASH, { exe: '/usr/bin/vim.basic', argv: ['vim', '/opt/bin/pi'] }])).toBe('other vim.basic');
    expect(sees([BASH, { exe: '/usr/bin/grep', argv: ['grep', 'claude', CLAUDE] }])).toBe('other grep');
    expect(sees([BASH, { exe: '/usr/bin/python3.11', argv: ['python3', '/usr/bin/lint', '/opt/bin/pi'] }])).toBe(
      'other python3.11 lint',
    );
  });
  test('a copy of sleep named claude is weak', () =>
    expect(sees([{ exe: '/home/u/claude', argv: ['sleep', '60'] }])).toBe('claude weak 100'));
  test('variables that children inherit identify nothing', () => {
    expect(sees([{ exe: '/usr/bin/sleep', starter: '/opt/bin/pi' }])).toBe('other sleep');
    expect(sees([{ exe: NODE, argv: ['node', '/tmp/x.js'], starter: '/opt/bin/pi' }])).toBe('other node x.js');
  });
});

describe('the choice', () => {
  test('the strongest wins', () => {
    expect(sees([{ exe: '/tmp/pi' }, { exe: CLAUDE }])).toBe('claude strong 101');
  });
  test('of equals the one nearest the root', () => expect(sees([BASH, PI, { ...PI }])).toBe('pi strong 101'));
  test('two different ones of at least medium are ambiguous', () => {
    expect(sees([PI, { exe: CLAUDE }])).toBe('ambiguous pi,claude');
    expect(sees([{ exe: NODE, title: 'pi', comm: 'pi' }, { exe: CLAUDE }])).toBe('ambiguous pi,claude');
  });
});

describe('what is no runtime', () => {
  test('a shell alone in the foreground is a left shell', () => {
    expect(sees([BASH])).toBe('shell bash');
    expect(sees([{ exe: '/usr/bin/dash', argv: ['sh', '-c', 'pi; read x'] }])).toBe('shell dash');
    expect(sees([{ exe: '/usr/bin/busybox', argv: ['-sh'] }])).toBe('shell busybox');
  });
  test('a shell is a shell wherever it lies', () => {
    const exe = '/opt/pi/vendor/bash';
    const world = stage([{ exe }], { [exe]: { real: exe, package: '@mariozechner/pi-coding-agent' } });
    expect(brief(tell(world))).toBe('shell bash');
  });
  test('a shell that runs a script file is a program', () => {
    expect(sees([{ exe: '/usr/bin/bash', argv: ['bash', '-eu', '/home/u/loop.sh'] }])).toBe('other bash loop.sh');
  });
  test('what a shell runs is named, not the shell', () => {
    expect(sees([{ exe: '/usr/bin/bash', argv: ['bash', '/home/u/w.sh'] }, { exe: '/usr/bin/sleep' }])).toBe(
      'other sleep',
    );
  });
  test.each(['tmux', 'ssh', 'docker'])('%s is opaque', (name) => {
    expect(sees([BASH, { exe: `/usr/bin/${name}`, argv: [name, 'claude'] }])).toBe(`opaque ${name}`);
  });
  test('a runtime that happens to run ssh is itself', () => {
    expect(sees([PI, { exe: '/usr/bin/ssh' }])).toBe('pi strong 100');
  });
  test('an executable that cannot be read is unknown, never another program', () => {
    expect(sees([BASH, { exe: null, argv: ['su'] }])).toBe('unknown denied');
  });
  test('a process that ends while it is looked at is no program that cannot be read', () => {
    const ended: Actor = { exe: null, argv: [] };
    expect(sees([BASH, ended])).toBe('shell bash');
    expect(sees([ended])).toBe('unknown io');
  });
  test('script without anything on its terminal is a program', () => {
    expect(sees([{ exe: '/usr/bin/script' }])).toBe('other script');
  });
  test('a stopped runtime is suspended, by signal or as a job', () => {
    expect(sees([{ ...PI, state: 'T' }])).toBe('suspended pi');
    expect(sees([BASH, { ...PI, state: 'T', foreground: false }])).toBe('suspended pi');
    expect(sees([BASH, { exe: '/usr/bin/vim', state: 'T', foreground: false }])).toBe('shell bash');
    expect(sees([{ exe: '/usr/bin/sleep', state: 'T' }])).toBe('suspended null');
  });
});

describe("the roster's own runtimes", () => {
  const PYTHON: Actor = {
    exe: '/usr/bin/python3.11',
    argv: ['python3', '-X', 'dev', '-u', 'agents/dogfood-agent.py', '--loop'],
  };

  test('match a script by base name', () => {
    expect(sees([PYTHON], own('dogfood', { script: ['dogfood-agent.py'] }))).toBe('dogfood strong 100');
    expect(sees([PYTHON], own('dogfood', { script: ['agent.py'] }))).toBe('other python3.11 dogfood-agent.py');
  });
  test('match a script by path, written or real', () => {
    expect(sees([PYTHON], own('dogfood', { script: ['~/agents/dogfood-agent.py'] }))).toBe('dogfood strong 100');
    const linked = stage([PYTHON], { '/home/u/agents/dogfood-agent.py': '/srv/d.py', '/opt/d.py': '/srv/d.py' });
    expect(brief(tell(linked, own('dogfood', { script: ['/opt/d.py'] })))).toBe('dogfood strong 100');
    expect(sees([PYTHON], own('dogfood', { script: ['/srv/dogfood-agent.py'] }))).toBe(
      'other python3.11 dogfood-agent.py',
    );
  });
  test('match a module', () => {
    const module: Actor = { exe: '/usr/bin/python3.11', argv: ['python3', '-um', 'acme.agent', 'pi'] };
    expect(sees([module], own('acme', { script: ['acme.agent'] }))).toBe('acme strong 100');
    expect(sees([module])).toBe('other python3.11 -m acme.agent');
  });
  test('match a shell script, though a shell itself never matches', () => {
    const loop: Actor = { exe: '/usr/bin/bash', argv: ['bash', '/home/u/loop.sh'] };
    expect(sees([loop], own('loop', { script: ['loop.sh'] }))).toBe('loop strong 100');
    expect(sees([loop, { exe: '/usr/bin/sleep' }], own('loop', { script: ['loop.sh'] }))).toBe('loop strong 100');
  });
  test('match an executable by path (strong) and by name (medium, with or without its version)', () => {
    const agent: Actor = { exe: '/opt/agent/bin/agent' };
    expect(sees([agent], own('a', { exe: ['/opt/agent/bin/agent'] }))).toBe('a strong 100');
    expect(sees([agent], own('a', { exe: ['agent'] }))).toBe('a medium 100');
    expect(sees([agent], own('a', { exe: ['gent'] }))).toBe('other agent');
    expect(sees([{ exe: '/usr/bin/python3.11' }], own('a', { exe: ['python3'] }))).toBe('a medium 100');
  });
  test('match what the command of that name is, links resolved', () => {
    const world = stage([{ exe: '/opt/agent-1.2/main' }], { '/home/u/.local/bin/agent': '/opt/agent-1.2/main' });
    expect(brief(tell(world, own('a', { exe: ['agent'] })))).toBe('a medium 100');
  });
  test('match a script that starts with #! by the name or path of their command', () => {
    const aider: Actor = { exe: '/usr/bin/python3.11', argv: ['/usr/bin/python3', '/home/u/.local/bin/aider'] };
    expect(sees([aider], own('a', { exe: ['aider'] }))).toBe('a medium 100');
    expect(sees([aider], own('a', { exe: ['~/.local/bin/aider'] }))).toBe('a strong 100');
  });
  test('match a package', () => {
    const world = stage([{ exe: NODE, argv: ['node', '/opt/a.js'] }], {
      '/opt/a.js': { real: '/opt/a.js', package: '@acme/a' },
    });
    expect(brief(tell(world, own('a', { packages: ['@acme/a'] })))).toBe('a strong 100');
  });
  test('a name never makes a proven runtime ambiguous', () => {
    const sleeper = own('sleeper', { exe: ['sleep'] });
    expect(sees([PI, { exe: '/usr/bin/sleep' }], sleeper)).toBe('pi strong 100');
    expect(sees([BASH, { exe: '/usr/bin/sleep' }], sleeper)).toBe('sleeper medium 101');
  });
  test('an entry for a built-in program with other arguments fits beside it', () => {
    const opus = own('opus', { exe: ['claude'] });
    expect(sees([{ exe: CLAUDE, argv: ['claude', '--model', 'opus'] }], opus)).toBe('claude strong 100 also opus');
    expect(sees([PI], own('fast', { exe: ['pi'] }))).toBe('pi strong 100 also fast');
    expect(sees([{ exe: NODE, title: 'pi', comm: 'pi' }], own('fast', { exe: ['pi'] }))).toBe(
      'fast medium 100 also pi',
    );
  });
  test('two entries for one package are both right', () => {
    const a = own('a', { packages: ['@mariozechner/pi-coding-agent'] });
    expect(sees([BASH, PI], a)).toBe('a strong 101 also pi');
    // codex on Node 20: the script and the program that it starts are one runtime.
    expect(sees([PI, { ...PI }], a)).toBe('a strong 100 also pi');
  });
});
