/**
 * `compile-cache.mjs DIST` writes DIST/compiled/COMMAND.cache: V8's code for what that command usually runs. For each, in
 * a process of its own, the bundle is loaded just as the launcher loads it and the command is run in it; functions that
 * it never calls are left out and compiled when they are first needed. What it looks at is a stage: a home, a bus with a
 * systemd behind it (stage-bus.mjs) that knows a small fleet, and, where the machine has tmux, the fleet's sessions,
 * which another process makes first. All is there as the roster says, as it is on most days, so that apply has nothing
 * to do.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import './run-typescript.mjs';
import { serveBus } from './stage-bus.mjs';

/** Done, drift, incomplete, blocked: what a machine that builds may say. Anything else is a broken build. */
const EXPECTED = [0, 2, 3, 4];
// The name in stack traces becomes part of the cache: no path of the machine that builds.
const FILENAME = 'fleet.bundle.cjs';
const [dist, given, command, ...argv] = process.argv.slice(2);
const stage = given ?? realpathSync(mkdtempSync(join(tmpdir(), 'fleet-build-')));
const self = fileURLToPath(import.meta.url);
const exit = process.exit;
process.env.TMUX_TMPDIR = stage;

const script = new Script(readFileSync(join(dist, FILENAME), 'latin1'), { filename: FILENAME });
const realRequire = createRequire(join(realpathSync(dist), FILENAME));
const home = join(stage, 'home');
const unitDirectory = join(home, '.config/systemd/user');
/** Where the user's runtime directory, tmux's sockets and the mark of lingering are looked for, and what stands there. */
const STAGED_PATHS = {
  [`/run/user/${userInfo().uid}`]: stage,
  [`/var/lib/systemd/linger/${userInfo().username}`]: stage,
  '/tmp': stage,
};
/** The user's home and bus are the stage's too: nothing of the real ones is read or written. */
const STAGED = {
  'node:os': (os) => ({ ...os, userInfo: () => ({ ...userInfo(), homedir: home }) }),
  'node:fs': (fs) => ({
    ...fs,
    lstatSync: (path, options) => fs.lstatSync(STAGED_PATHS[path] ?? path, options),
    realpathSync: { native: (path) => fs.realpathSync.native(STAGED_PATHS[path] ?? path) },
  }),
};
/** What is asked of Node without a require: the bus's socket and files, by either way to them, and flags. */
const onStage = (path) => (path === `/run/user/${userInfo().uid}/bus` ? join(stage, 'bus') : path);
const connectOnStage = (net) => ({ ...net, connect: ({ path }) => net.connect({ path: onStage(path) }) });
const pipesOnStage = (pipes) => ({
  ...pipes,
  Pipe: class extends pipes.Pipe {
    connect(request, path) {
      return super.connect(request, onStage(path));
    }
  },
});
const filesOnStage = (files) => ({
  ...files,
  lstat: (path, ...rest) => files.lstat(STAGED_PATHS[path] ?? path, ...rest),
});
// V8 takes no cache that was made under other flags than it starts with.
const withoutFlags = () => ({ setFlagsFromString: () => {} });
const STAGED_BUILTINS = { 'node:net': connectOnStage, 'node:v8': withoutFlags };
const STAGED_BINDINGS = { fs: filesOnStage, pipe_wrap: pipesOnStage, v8: withoutFlags };
const { binding, getBuiltinModule } = process;
process.binding = (name) => STAGED_BINDINGS[name]?.(binding(name)) ?? binding(name);
process.getBuiltinModule = (name) => STAGED_BUILTINS[name]?.(getBuiltinModule(name)) ?? getBuiltinModule(name);
const stagedRequire = (name) => STAGED[name]?.(realRequire(name)) ?? realRequire(name);

/** Ends when the command does: main's last act is process.exit. */
async function run(...argv) {
  const code = await new Promise((resolve) => {
    process.argv = [process.execPath, FILENAME, ...argv];
    process.exit = resolve;
    script.runInThisContext()(stagedRequire);
  });
  if (!EXPECTED.includes(code)) throw new Error(`fleet ${argv.join(' ')} ended with exit code ${code}`);
  return code;
}

const AGENTS = ['one', 'two', 'three'];
const UNITS = ['fleet-tmux.service', ...AGENTS.map((name) => `fleet-agent@${name}.service`)];
/** `applied` is `none` without heartbeats, for which apply would wait. */
const ROSTERS = [
  { name: 'applied', supervisor: 'none', beats: false },
  { name: 'systemd', supervisor: 'systemd', beats: true },
  { name: 'none', supervisor: 'none', beats: true },
];

function writeRosters() {
  mkdirSync(home);
  for (const { name, supervisor, beats } of ROSTERS) {
    const lines = [
      'version: 1',
      'fleet: build',
      `supervisor: ${supervisor}`,
      'tmux: { socket_name: fleet-build }',
      `runtimes: { stub: { command: [sleep, "600"], match: { exe: sleep }, beats: ${beats} } }`,
      'defaults: { runtime: stub, working_directory: "~", heartbeat: { interval: 1h } }',
      'agents:',
      ...AGENTS.map((agent) => `  - name: ${agent}`),
    ];
    writeFileSync(join(stage, `${name}.yaml`), `${lines.join('\n')}\n`);
  }
}

/** Its sessions are made by fleet itself, whose code for that is in no cache. */
function applyOnStage() {
  const child = [self, dist, stage, 'run', 'apply', '-y', '--json', '-f', join(stage, 'applied.yaml')];
  const { status } = spawnSync(process.execPath, child, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`fleet apply on the stage ended with exit code ${status}`);
}

/** Files, links and heartbeats as the roster and the units want them. */
async function makeFleet() {
  const { readRoster, writeFleetFiles, writeHeartbeats } = await import('./stage-files.ts');
  const roster = readRoster(join(stage, 'systemd.yaml'));
  writeFleetFiles(roster, roster.agents, home);
  const wants = join(unitDirectory, 'default.target.wants');
  mkdirSync(wants);
  for (const unit of UNITS) symlinkSync(`../${unit.replace(/@.*(?=\.)/, '@')}`, join(wants, unit));
  const list = ['-L', 'fleet-build', 'list-panes', '-a', '-F', '#{session_name} #{pane_pid}'];
  const { stdout } = spawnSync('tmux', list, { encoding: 'utf8' });
  writeHeartbeats(roster, home, stdout ?? '');
}

async function makeCaches() {
  writeRosters();
  mkdirSync(join(dist, 'compiled'));
  const hasTmux = spawnSync('tmux', ['-V'], { stdio: 'ignore' }).status === 0;
  const closeBus = await serveBus(join(stage, 'bus'), { units: UNITS, unitPath: unitDirectory });
  try {
    if (hasTmux) applyOnStage();
    await makeFleet();
    for (const name of Object.keys(CACHED)) {
      // This process is the bus.
      const child = spawn(process.execPath, [self, dist, stage, 'cache', name], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      const [status] = await once(child, 'exit');
      if (status !== 0) throw new Error(`the code of fleet ${name} could not be compiled ahead: exit code ${status}`);
    }
  } finally {
    closeBus();
    if (hasTmux) spawnSync('tmux', ['-L', 'fleet-build', 'kill-server'], { stdio: 'ignore' });
    rmSync(stage, { recursive: true, force: true });
  }
}

const onEachStage = (...args) => ['systemd', 'none'].map((name) => [...args, '-f', join(stage, `${name}.yaml`)]);

/** By the command whose name the cache bears: what is run for it. */
const CACHED = {
  plan: () => [...onEachStage('plan', '--json'), ...onEachStage('plan')],
  ps: () => onEachStage('ps'),
  validate: () => onEachStage('validate'),
  apply: () => [...onEachStage('apply', '-y', '--json'), ...onEachStage('apply', '-y')],
};

async function makeCache(name) {
  for (const args of CACHED[name]()) {
    // Nothing is ever made but on the stage, which is as wanted. Where it is not, apply does without a cache of its own.
    if (args[0] === 'apply' && (await run('plan', '--detailed-exitcode', ...args.slice(-2))) !== 0) continue;
    await run(...args);
  }
  writeFileSync(join(dist, 'compiled', `${name}.cache`), script.createCachedData());
}

const TASKS = { undefined: makeCaches, cache: () => makeCache(argv[0]), run: () => run(...argv) };

try {
  await TASKS[command]();
} catch (error) {
  process.exitCode = 1;
  console.error(error);
}
exit();
