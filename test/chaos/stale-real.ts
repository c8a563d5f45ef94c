/** One round of `stale world` on a real tmux, without supervisor: as in memory, with real sessions, clients and files. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EMPTY_MEMORY } from '../../src/diff/policy.ts';
import { type SavedPlan, savePlan } from '../../src/diff/saved-plan.ts';
import { POLICY } from '../diff/world.ts';
import type { RealHost } from '../reconcile/real-host.ts';
import { safely } from './hosts.ts';
import { type Moved, openLedger, type RoundEnd, throughFile } from './moved.ts';
import { chance, pick, type Random } from './random.ts';

export const AGENTS = ['a', 'b', 'c', 'd'] as const;
const WORK = ['sleep', '1000'];

export async function realRound(host: RealHost, random: Random): Promise<RoundEnd> {
  for (const name of AGENTS) if (chance(random, 0.6)) breakIt(host, name, random);
  const evenIf = chance(random, 0.2);
  const policy = { ...POLICY, evenIfAttached: evenIf, evenIfBusy: evenIf };
  const planned = await host.plan(policy);
  const plan = throughFile(savePlan({ plan: planned, policy, memory: EMPTY_MEMORY, rosterFile: '/r' }));
  const counts: Record<string, number> = {};
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const ledger = openLedger();
  const cleanUps: (() => void)[] = [];
  const move = (change: () => Moved | null) => {
    const done = ledger.move(change);
    if (done !== null) count(done.what);
  };
  const scene: Scene = { host, plan, random, later: (cleanUp) => cleanUps.push(cleanUp) };
  for (const name of AGENTS) if (chance(random, 0.5)) move(() => pick(random, movesFor(plan, name))(scene, name));
  if (chance(random, 0.08)) move(() => restartServer(scene));
  if (chance(random, 0.5)) {
    const change = pick(random, BEFORE_THE_KILL);
    host.meanwhile = (words) => {
      const name = /if-shell -F -t =([^:]+):/.exec(words)?.[1];
      if (name === undefined) return;
      host.meanwhile = () => {};
      move(() => {
        const it = change(scene, name);
        return it === null ? null : { ...it, what: `${it.what}, before the kill` };
      });
    };
  }
  const { outcomes } = await host.apply(plan, 50);
  host.meanwhile = () => {};
  for (const outcome of outcomes) count(outcome.outcome === 'skipped' ? outcome.why : outcome.outcome);
  const violations = ledger.broken();
  for (const cleanUp of cleanUps) cleanUp();
  tidy(host);
  return { violations, counts };
}

interface Scene {
  readonly host: RealHost;
  readonly plan: SavedPlan;
  readonly random: Random;
  /** Undone when the round has been judged. */
  readonly later: (cleanUp: () => void) => void;
}
type Move = (scene: Scene, name: string) => Moved | null;

const BEFORE: readonly Move[] = [recreate, recreate, rename, changeMark, becomeBusy, attach, respawn, editFile];
const BEFORE_THE_KILL: readonly Move[] = [recreate, rename, changeMark, attach, (scene) => restartServer(scene)];

/** A live agent that is to be interrupted is where being busy and attached matter. */
function movesFor(plan: SavedPlan, name: string): readonly Move[] {
  const interrupted = plan.changes.some((c) => c.agent === name && c.reason === 'runtime-mismatch');
  return interrupted ? [...BEFORE, becomeBusy, becomeBusy, attach] : BEFORE;
}

function breakIt(host: RealHost, name: string, random: Random): void {
  const pane = `=${name}:`;
  const there = has(host, name);
  switch (pick(random, ['kill', 'other', 'other', 'shell', 'dead', 'file'] as const)) {
    case 'kill':
      if (there) host.tmux('kill-session', '-t', `=${name}`);
      break;
    case 'other':
      if (there)
        host.tmux('respawn-pane', '-k', '-t', pane, '-c', join(host.home, 'src'), '/bin/sh', join(host.home, 'other'));
      break;
    case 'shell':
      if (there) host.tmux('respawn-pane', '-k', '-t', pane, '-c', join(host.home, 'src'), 'sh');
      break;
    case 'dead':
      if (there) killPane(host, name);
      break;
    case 'file':
      writeFileSync(envFile(host, name), 'FLEET_AGENT_NAME=wrong\n');
  }
}

/** The id of a dead pane's process may be somebody else's by now. */
function killPane(host: RealHost, name: string): void {
  const [dead, pid] = host.tmux('display-message', '-p', '-t', `=${name}:`, '#{pane_dead} #{pane_pid}').split(' ');
  if (dead === '0') safely(() => process.kill(Number(pid), 'SIGKILL'));
}

const envFile = (host: RealHost, name: string): string => join(host.home, `.config/fleet/agents/${name}.env`);

function has(host: RealHost, name: string): boolean {
  return host.sessions().includes(name);
}

function mayInterrupt({ plan }: Scene, name: string): boolean {
  const change = plan.changes.find((c) => c.kind === 'session' && c.agent === name);
  return change?.precondition.may_interrupt?.attached === true;
}

/** By server, id and creation time: whatever name it goes by. */
function sessionNow(host: RealHost, name: string): () => string {
  const key = '#{pid} #{start_time} #{session_id} #{session_created}';
  const identity = host.tmux('display-message', '-p', '-t', `=${name}:`, key);
  return () => {
    const panes = host.tmux('list-panes', '-a', '-F', `${key} #{session_name} #{pane_id} #{pane_pid} #{pane_dead}`);
    const own = panes.split('\n').filter((line) => line.startsWith(`${identity} `));
    return own.length === 0 ? 'gone' : own.join('; ');
  };
}

function recreate({ host, random }: Scene, name: string): Moved {
  if (has(host, name)) host.tmux('kill-session', '-t', `=${name}`);
  const byHand = chance(random, 0.6);
  if (byHand) host.tmux('new-session', '-d', '-s', name, ...WORK);
  else host.launch('start', name);
  return {
    what: byHand ? 'session made again by hand' : 'session made again as fleet would',
    now: sessionNow(host, name),
  };
}

function rename({ host }: Scene, name: string): Moved | null {
  if (!has(host, name)) return null;
  const now = sessionNow(host, name);
  host.tmux('rename-session', '-t', `=${name}`, `${name}-mine`);
  return { what: 'session renamed', now };
}

function changeMark({ host, random }: Scene, name: string): Moved | null {
  if (!has(host, name)) return null;
  const kind = pick(random, ['none', 'owner', 'agent'] as const);
  const target = ['-t', `=${name}:`, '@fleet_mark'];
  if (kind === 'none') host.tmux('set-option', '-u', ...target);
  else {
    const whose = kind === 'owner' ? `someone/${name}` : 'fleet/another';
    host.tmux('set-option', '-F', ...target, `${whose}/#{pid}/#{session_id}/#{session_created}`);
  }
  return { what: `mark changed (${kind})`, now: sessionNow(host, name) };
}

function becomeBusy(scene: Scene, name: string): Moved | null {
  const { host, plan } = scene;
  if (!has(host, name) || mayInterrupt(scene, name)) return null;
  const planned = plan.changes.find((c) => c.kind === 'session' && c.agent === name);
  // Neither a dead pane nor a shell works.
  if (planned !== undefined && planned.reason !== 'runtime-mismatch') return null;
  const directory = join(host.home, '.local/state/fleet/run');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, `${name}.hb`);
  writeFileSync(file, `ts=${Date.now() / 1000}\npid=${host.panePid(name)}\nstatus=busy\n`);
  scene.later(() => rmSync(file));
  return { what: 'agent became busy', now: sessionNow(host, name) };
}

function attach(scene: Scene, name: string): Moved | null {
  const { host } = scene;
  if (!has(host, name) || mayInterrupt(scene, name)) return null;
  const client = host.attach(name);
  scene.later(() => client.kill('SIGKILL'));
  return { what: 'someone attached', now: sessionNow(host, name) };
}

function respawn({ host }: Scene, name: string): Moved | null {
  if (!has(host, name)) return null;
  host.tmux('respawn-pane', '-k', '-t', `=${name}:`, ...WORK);
  return { what: 'pane respawned', now: sessionNow(host, name) };
}

function editFile({ host, random }: Scene, name: string): Moved {
  const file = envFile(host, name);
  appendFileSync(file, `BY_HAND=${Math.floor(random() * 1e6)}\n`);
  return { what: 'file edited', now: () => (existsSync(file) ? readFileSync(file, 'utf8') : 'gone') };
}

/** Ids begin at $0 again, and the names are those of before. */
function restartServer({ host }: Scene): Moved | null {
  const names = host.sessions();
  const pid = Number(host.tmux('display-message', '-p', '#{pid}'));
  host.tmux('kill-server');
  endOf(pid);
  for (const name of names) createAgain(host, name);
  const all = names.map((name) => sessionNow(host, name));
  return { what: 'server restarted', now: () => all.map((now) => now()).join(' | ') };
}

/** A server that is told to end is not gone at once; somebody in a hurry does not wait for its clients. */
function endOf(pid: number): void {
  for (const patience = Date.now() + 1_000; existsSync(`/proc/${pid}/exe`); ) {
    if (Date.now() > patience) safely(() => process.kill(pid, 'SIGKILL'));
  }
}

/** Right after a server's end tmux may say that the new one exited unexpectedly. */
function createAgain(host: RealHost, name: string): void {
  for (const deadline = Date.now() + 60_000; ; ) {
    try {
      host.tmux('new-session', '-d', '-s', name, ...WORK);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** What nobody would repair: sessions without fleet's mark in an agent's place, and those that were renamed. */
function tidy(host: RealHost): void {
  const lines = host.tmux('list-sessions', '-F', '#{session_name} #{session_id} #{@fleet_mark}').split('\n');
  for (const line of lines) {
    const [name = '', id = '', mark = ''] = line.split(' ');
    if (name !== '_holder' && !mark.startsWith(`fleet/${name}/`)) host.tmux('kill-session', '-t', id);
  }
}
