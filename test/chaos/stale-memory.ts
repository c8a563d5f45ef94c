/**
 * One round of `stale world` on the host in memory: drift, a saved plan, then people who change things before the plan
 * is made, or between the last look and a kill. Each change of theirs says how to see that it was left alone.
 */
import { type SavedPlan, savePlan } from '../../src/diff/saved-plan.ts';
import { misfits } from '../../src/diff/saved-plan-fit.ts';
import type { TmuxSession } from '../../src/observe/state.ts';
import { inventoryPath } from '../../src/reconcile/inventory.ts';
import { renderInventory } from '../../src/reconcile/inventory-format.ts';
import { movedRecords } from '../../src/reconcile/moved-records.ts';
import * as seen from '../diff/world.ts';
import { FLEET, MOSAIC, NO_SUPERVISOR } from '../reconcile/rosters.ts';
import { World } from '../reconcile/world.ts';
import { type Moved, openLedger, type RoundEnd, throughFile } from './moved.ts';
import { chance, pick, type Random } from './random.ts';

const ROSTERS = [MOSAIC, FLEET, NO_SUPERVISOR, FLEET.replace('{ name: coder }', '{ name: coder, boot: false }')];
const STOPPED = /\{ name: reviewer \}/;

export async function staleRound(random: Random): Promise<RoundEnd> {
  const world = drifted(random);
  const policy = { evenIfBusy: chance(random, 0.2), evenIfAttached: chance(random, 0.2) };
  const full = { ...seen.POLICY, ...policy };
  const plan = throughFile(
    savePlan({ plan: world.plan({ policy }), policy: full, memory: world.memory(), rosterFile: '/r' }),
  );
  const counts: Record<string, number> = {};
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  if (chance(random, 0.1)) return refusedWhole(random, world, plan);
  const ledger = openLedger();
  const move = (it: () => Moved | null) => {
    const done = ledger.move(it);
    if (done !== null) count(done.what);
  };
  for (const agent of world.roster.agents) {
    if (chance(random, 0.5)) move(() => pick(random, BEFORE)(world, agent.name, plan, random));
  }
  if (chance(random, 0.05)) move(() => restartServer(world, random));
  if (chance(random, 0.4)) betweenLookAndKill(world, plan, random, move);
  const { outcomes } = await world.apply({ plan, policy: full });
  for (const outcome of outcomes) count(outcome.outcome === 'skipped' ? outcome.why : outcome.outcome);
  return { violations: ledger.broken(), counts };
}

// --- drift: what the plan is made for ---

const BREAKS: readonly ((world: World, name: string) => void)[] = [
  () => {},
  (w, name) => w.dropSession(name),
  (w, name) => {
    const pid = seen.paneOf(w.truth, name).pid ?? 0;
    w.runs(name, { verdict: 'runtime', runtime: 'codex', strength: 'strong', pid, evidence: 'script' });
  },
  (w, name) => w.runs(name, { verdict: 'shell', pid: seen.paneOf(w.truth, name).pid ?? 0, program: 'bash' }),
  (w, name) => w.runs(name, { verdict: 'dead', status: 3, signal: null }),
  (w, name) => w.put(w.envPath(name), w.text(w.envPath(name))?.replace('worker', 'other') ?? ''),
  (w, name) => w.disk.delete(w.envPath(name)),
  (w, name) =>
    Object.assign(w.units().length > 0 ? w.agentUnit(name) : {}, { unit_file_state: 'disabled', wanted_by: [] }),
  (w, name) => Object.assign(w.units().length > 0 ? w.agentUnit(name) : {}, { unit_file_state: 'enabled-runtime' }),
];

function drifted(random: Random): World {
  const yaml = pick(random, ROSTERS).replace(STOPPED, (whole) =>
    chance(random, 0.4) ? '{ name: reviewer, state: stopped }' : whole,
  );
  const world = new World(yaml);
  for (const agent of world.roster.agents) {
    if (agent.state === 'stopped') world.start(agent);
    else if (chance(random, 0.8)) pick(random, BREAKS)(world, agent.name);
  }
  return world;
}

// --- people ---

type Move = (world: World, name: string, plan: SavedPlan, random: Random) => Moved | null;

const BEFORE: readonly Move[] = [
  recreate,
  recreate,
  (w, name) => rename(w, name),
  (w, name, _plan, random) => changeMark(w, name, random),
  (w, name, plan) => becomeBusy(w, name, plan),
  (w, name, plan) => attach(w, name, plan),
  (w, name) => respawn(w, name),
  (w, name) => workInShell(w, name),
  (w, name, _plan, random) => editFile(w, name, random),
  (w, name, plan, random) => changeUnit(w, name, plan, random),
];

/** Between the last look and the kill of some agent's session; tmux's own guard must see it. */
function betweenLookAndKill(
  world: World,
  plan: SavedPlan,
  random: Random,
  move: (change: () => Moved | null) => void,
): void {
  const what = pick(random, ['recreate', 'rename', 'mark', 'attach', 'server'] as const);
  world.meanwhile = (step) => {
    const name = /^tmux .* if-shell -F -t =([^:]+):/.exec(step)?.[1];
    if (name === undefined) return;
    world.meanwhile = () => {};
    move(() => {
      const it = changeNow(what, world, name, plan, random);
      return it === null ? null : { ...it, what: `${it.what}, before the kill` };
    });
  };
}

function changeNow(
  what: 'recreate' | 'rename' | 'mark' | 'attach' | 'server',
  world: World,
  name: string,
  plan: SavedPlan,
  random: Random,
): Moved | null {
  switch (what) {
    case 'server':
      return restartServer(world, random);
    case 'recreate':
      return recreate(world, name, null, random);
    case 'rename':
      return rename(world, name);
    case 'mark':
      return changeMark(world, name, random);
    case 'attach':
      return attach(world, name, plan);
  }
}

/** The session made again by hand: as fleet would, or with something of a person's own. */
function recreate(world: World, name: string, _plan: SavedPlan | null, random: Random): Moved {
  if (world.has(name)) world.dropSession(name);
  world.start(world.agent(name));
  const made = world.session(name);
  if (chance(random, 0.5)) {
    const pid = made.panes[0]?.pid ?? 0;
    world.runs(name, { verdict: 'other', pid, program: 'vim' });
    if (chance(random, 0.7)) made.mark = null;
  }
  return { what: 'session made again', now: sessionNow(world, made) };
}

/** Every id, name and pid number may be met again in a new server. */
function restartServer(world: World, random: Random): Moved | null {
  const seenServer = seen.tmuxOf(world.truth);
  const { server } = seenServer;
  if (server.state !== 'running') return null;
  const was = { pid: server.pid, start: server.start };
  const again = chance(random, 0.5)
    ? { pid: was.pid + 7_000, start: was.start }
    : { pid: was.pid, start: was.start + 60 };
  Object.assign(server, again);
  seenServer.listening = seenServer.listening.map((l) => ({ ...l, pid: again.pid, start_time: l.start_time + 1 }));
  const sessions = server.sessions as seen.Mutable<TmuxSession>[];
  const numbers = chance(random, 0.5);
  for (const [i, session] of sessions.entries()) {
    // At times just the ids of before: a server that makes the same sessions in the same order gives the same ids.
    if (numbers) session.id = `$${i}`;
    if (chance(random, 0.5)) session.mark = null;
  }
  const all = sessions.map((session) => sessionNow(world, session));
  return { what: 'server restarted', now: () => all.map((now) => now()).join() };
}

function rename(world: World, name: string): Moved | null {
  if (!world.has(name)) return null;
  const session = world.session(name);
  session.name = `${name}-mine`;
  return { what: 'session renamed', now: sessionNow(world, session) };
}

function changeMark(world: World, name: string, random: Random): Moved | null {
  if (!world.has(name)) return null;
  const session = world.session(name);
  if (session.mark === null) return null;
  const kind = pick(random, ['none', 'owner', 'agent'] as const);
  if (kind === 'none') session.mark = null;
  else if (kind === 'owner') session.mark.owner = 'someone-else';
  else session.mark.agent = 'another';
  return { what: `mark changed (${kind})`, now: sessionNow(world, session) };
}

function mayInterrupt(plan: SavedPlan, name: string): { readonly attached: boolean; readonly busy: boolean } {
  const change = plan.changes.find((c) => c.kind === 'session' && c.agent === name);
  return change?.precondition.may_interrupt ?? { attached: false, busy: false };
}

function becomeBusy(world: World, name: string, plan: SavedPlan): Moved | null {
  if (!world.has(name) || mayInterrupt(plan, name).busy) return null;
  const session = world.session(name);
  const verdict = session.panes[0]?.runs.verdict;
  // Neither a dead pane nor a shell works.
  if (verdict !== 'runtime' && verdict !== 'other') return null;
  const { heartbeats } = world.truth.sources;
  const beats = heartbeats.status === 'known' ? heartbeats.value.agents[name] : undefined;
  if (beats === undefined) return null;
  beats.beat = seen.beat(session.panes[0]?.pid ?? null, 1, 'busy');
  return { what: 'agent became busy', now: sessionNow(world, session) };
}

function attach(world: World, name: string, plan: SavedPlan): Moved | null {
  return mayInterrupt(plan, name).attached ? null : attachTo(world, name);
}

function attachTo(world: World, name: string): Moved | null {
  if (!world.has(name)) return null;
  const session = world.session(name);
  session.attached = 1;
  return { what: 'someone attached', now: sessionNow(world, session) };
}

/** Another program in the same session and pane. */
function respawn(world: World, name: string): Moved | null {
  if (!world.has(name)) return null;
  const session = world.session(name);
  const [pane] = session.panes;
  if (pane === undefined || pane.pid === null) return null;
  pane.pid += 50_000;
  Object.assign(pane, { dead: false, runs: { verdict: 'other', pid: pane.pid, program: 'vim' } });
  return { what: 'pane respawned', now: sessionNow(world, session) };
}

/** The shell that was left is used again. */
function workInShell(world: World, name: string): Moved | null {
  if (!world.has(name)) return null;
  const session = world.session(name);
  const [pane] = session.panes;
  if (pane?.runs.verdict !== 'shell') return null;
  pane.runs = { verdict: 'other', pid: pane.pid ?? 0, program: 'make' };
  return { what: 'work in the shell that was left', now: sessionNow(world, session) };
}

function editFile(world: World, name: string, random: Random): Moved {
  const path = chance(random, 0.7) || !world.launcher ? world.envPath(name) : world.argvPath(name);
  world.put(path, `${world.text(path) ?? ''}BY_HAND=${Math.floor(random() * 1e6)}\n`, 0o644);
  // What is not planned may not be written; what is planned was for other bytes.
  return { what: 'file edited', now: () => JSON.stringify(world.disk.get(path)) };
}

function changeUnit(world: World, name: string, plan: SavedPlan, random: Random): Moved | null {
  if (world.units().length === 0) return null;
  const unit = world.agentUnit(name);
  const planned = plan.changes.find((c) => c.kind === 'unit' && c.address.endsWith(`/${unit.name}`));
  const states = ['enabled', 'disabled', 'masked', 'enabled-runtime', 'linked'];
  const state = pick(
    random,
    states.filter((s) => s !== unit.unit_file_state),
  );
  Object.assign(unit, { unit_file_state: state, wanted_by: state === 'enabled' ? ['default.target'] : [] });
  // A change without a state to compare was for a unit that was not there.
  if (planned?.precondition.unit_file_state === undefined && planned !== undefined) return null;
  const now = () => JSON.stringify([unit.unit_file_state, unit.wanted_by]);
  return { what: 'unit changed by hand', now };
}

/** Where it is, by what it is: its name may have changed, another of that name may have come. */
function sessionNow(world: World, session: seen.Mutable<TmuxSession>): () => string {
  return () => {
    const { server } = seen.tmuxOf(world.truth);
    const there = server.state === 'running' && (server.sessions as readonly TmuxSession[]).includes(session);
    return there
      ? `${session.name} ${session.id} ${session.panes.map((p) => `${p.pid} ${p.runs.verdict}`).join()}`
      : 'gone';
  };
}

// --- refused whole: nothing at all may happen ---

function refusedWhole(random: Random, world: World, plan: SavedPlan): RoundEnd {
  const now = { now: Date.parse(plan.created) + 1_000, toolVersion: plan.tool_version };
  const roster = { path: '/r', sha256: plan.roster.sha256 };
  const here = { host: 'w-jarvis', tenant: 'jarvis' };
  const fits = misfits(plan, { ...now, roster, here }).length === 0;
  const what = pick(random, ['roster edited', 'plan too old', 'inventory changed'] as const);
  const touched = Object.keys(plan.inventory).find((key) => !key.includes('/'));
  if (what === 'roster edited') roster.sha256 = 'f'.repeat(64);
  if (what === 'plan too old') now.now += 25 * 3_600_000;
  if (what === 'inventory changed' && touched !== undefined) rewriteRecord(world, touched);
  const refused =
    misfits(plan, { ...now, roster, here }).length > 0 ||
    movedRecords(plan, { roster: world.roster, home: seen.HOME, observed: world.look(), memory: world.memory() })
      .length > 0;
  const expected = what !== 'inventory changed' || touched !== undefined;
  const violations = fits && refused === expected ? [] : [`${what}: fitted before ${fits}, refused ${refused}`];
  return { violations, counts: { [what]: 1, ...(refused ? { 'refused whole': 1 } : {}) } };
}

function rewriteRecord(world: World, agent: string): void {
  const memory = world.memory();
  const record = {
    agent,
    socket: 'mosaic-factory',
    server: { pid: 1, start: 1 },
    id: '$9',
    created: 1,
    spec: 'other',
    boot_id: null,
    done: false,
    plan: 'another',
  };
  const path = inventoryPath(seen.HOME, 'w-jarvis', world.roster.fleet);
  world.put(path, renderInventory(0, { ...memory, sessions: { ...memory.sessions, [agent]: record } }));
}
