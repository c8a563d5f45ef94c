/** A row of a table of rules: a fleet in which all is well, what is broken in it, and what the plan then says. */
import type { Plan } from '../../src/diff/plan.ts';
import type { PlanMemory } from '../../src/diff/policy.ts';
import type { Observed } from '../../src/observe/state.ts';
import type { Roster } from '../../src/spec/model.ts';
import * as w from './world.ts';

export type World = w.Mutable<Observed>;
export type Break = (o: World) => void;

export interface Row {
  /** The roster as it is planned for. */
  readonly yaml: string;
  /** The roster by which the world was made; absent: the same. */
  readonly was?: string;
  readonly breaks?: readonly Break[];
  readonly policy?: NonNullable<w.PlanOptions['policy']>;
  readonly memory?: PlanMemory | ((o: World, r: Roster) => PlanMemory);
}

export function planOf({ yaml, was = yaml, breaks = [], policy = {}, memory }: Row): Plan {
  const roster = w.roster(yaml);
  const observed = w.healthy(w.roster(was));
  for (const breakIt of breaks) breakIt(observed);
  const remembered = typeof memory === 'function' ? memory(observed, roster) : memory;
  return w.planOf(roster, observed, { policy, ...(remembered === undefined ? {} : { memory: remembered }) });
}

/** The plan of a row, one line a finding. */
export const lines = (row: Row): readonly string[] => w.lines(planOf(row));

// --- what breaks ---

export const drop =
  (name: string): Break =>
  (o) =>
    w.dropSession(o, name);

export const unit =
  (name: string, fields: Partial<ReturnType<typeof w.unit>>): Break =>
  (o) => {
    Object.assign(w.unit(o, name), fields);
  };

export const runs =
  (name: string, verdict: ReturnType<typeof w.paneOf>['runs']): Break =>
  (o) => {
    w.paneOf(o, name).runs = verdict;
  };

/** Its runtime has ended. */
export const shell = (name: string): Break => runs(name, { verdict: 'shell', pid: 2000, program: 'bash' });

export const ended =
  (name: string): Break =>
  (o) => {
    Object.assign(w.paneOf(o, name), { dead: true, runs: { verdict: 'dead', status: 1, signal: null } });
  };

export const olderSpec =
  (name: string): Break =>
  (o) => {
    const { mark } = w.session(o, name);
    if (mark !== null) mark.spec = 'older';
  };

export const busy =
  (name: string, pid: number): Break =>
  (o) => {
    w.heartbeatsOf(o, name).beat = w.beat(pid, 5, 'busy');
  };

export const attached =
  (name: string, clients = 1): Break =>
  (o) => {
    w.session(o, name).attached = clients;
  };

export const source =
  (name: keyof Observed['sources'], why = 'timeout', detail = 'x'): Break =>
  (o) => {
    Object.assign(o.sources, { [name]: { status: 'unknown', why, detail } });
  };

/** One more socket of the same user. */
export const socket =
  (name: string, server: ReturnType<typeof w.tmuxOf>['server'], cgroup: string | null = null): Break =>
  (o) => {
    if (o.sources.tmux.status !== 'known') throw new Error('tmux unknown');
    const listening = server.state === 'running' ? [{ pid: server.pid, start_time: 7, cgroup }] : [];
    o.sources.tmux.value.servers.push({ socket: name, path: `/tmp/tmux-1000/${name}`, listening, server });
  };

export const running = (
  ...sessions: readonly unknown[]
): Extract<ReturnType<typeof w.tmuxOf>['server'], { state: 'running' }> => ({
  state: 'running',
  pid: 77,
  start: 7,
  sessions: sessions as never,
});
