/**
 * What an agent's heartbeat is worth. A heartbeat is a claim by a file: it counts only when it is the claim of a process
 * that lives in the agent's pane, and not from the future. Source: docs/contract.md, section 7.
 */
import type { AgentHeartbeats, HeartbeatFile, Observed, ProcessObserved } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';

export interface HeartbeatVerdict {
  /** `unknown`: heartbeats could not be looked at. */
  readonly state: 'fresh' | 'stale' | 'missing' | 'future' | 'foreign' | 'unreadable' | 'unknown';
  /** Milliseconds, negative in the future, null where there is no time to tell it from. */
  readonly age: number | null;
  readonly status: 'ok' | 'busy' | null;
  readonly detail: string;
}

/** What judging a heartbeat needs of an agent. */
export interface Beating {
  readonly name: string;
  readonly heartbeat: Pick<AgentSpec['heartbeat'], 'interval' | 'staleAfter'>;
  /** A stale heartbeat that says busy is believed up to this age. Absent: not at all. */
  readonly believedBusyMs?: number;
}

/** One that has no entry any more: how often it beats is not known, so the defaults say that it is idle, and not that it is busy. */
export function formerAgent(name: string): Beating {
  return { name, heartbeat: { interval: 15_000, staleAfter: 3 }, believedBusyMs: 300_000 };
}

interface Evaluated {
  readonly agent: Beating;
  readonly panePid: number | null;
  readonly now: number;
  readonly verdict: HeartbeatVerdict;
}

/** By agent: of one observation several ask. */
const evaluated = new WeakMap<Observed, Map<string, Evaluated>>();

/** `panePid`: the pane's process; null where the session is not there or cannot be seen. */
export function evaluateHeartbeat(
  observed: Observed,
  agent: Beating,
  panePid: number | null,
  now: number,
): HeartbeatVerdict {
  const all = evaluated.get(observed) ?? new Map<string, Evaluated>();
  evaluated.set(observed, all);
  const known = all.get(agent.name);
  if (known?.agent === agent && known.panePid === panePid && known.now === now) return known.verdict;
  const verdict = evaluate(observed, agent, panePid, now);
  all.set(agent.name, { agent, panePid, now, verdict });
  return verdict;
}

function evaluate(observed: Observed, agent: Beating, panePid: number | null, now: number): HeartbeatVerdict {
  const { heartbeats } = observed.sources;
  if (heartbeats.status === 'unknown') return verdict('unknown', `heartbeats: ${heartbeats.detail}`);
  const files = heartbeats.value.agents[agent.name];
  if (files === undefined) return verdict('unknown', 'not looked at in this observation');
  const file = chooseFile(files, agent, now);
  switch (file.state) {
    case 'absent':
      return verdict('missing', `no ${files.directory}/${agent.name}.hb`);
    case 'unreadable':
      return verdict('unreadable', `${files.directory}/${agent.name}.hb: ${file.detail}`);
    case 'present':
      return judge(file, observed, agent, panePid, now);
  }
}

function verdict(state: HeartbeatVerdict['state'], detail: string): HeartbeatVerdict {
  return { state, age: null, status: null, detail };
}

function chooseFile(files: AgentHeartbeats, agent: Beating, now: number): HeartbeatFile {
  const { native } = files;
  const young = native.state === 'present' && Math.abs(now - native.ts_ms) < 2 * agent.heartbeat.interval;
  return young ? native : files.beat;
}

function judge(
  file: Extract<HeartbeatFile, { state: 'present' }>,
  observed: Observed,
  agent: Beating,
  panePid: number | null,
  now: number,
): HeartbeatVerdict {
  const age = now - file.ts_ms;
  const { interval, staleAfter } = agent.heartbeat;
  const tell = (state: HeartbeatVerdict['state'], detail: string): HeartbeatVerdict => ({
    state,
    age,
    status: file.status,
    detail,
  });
  if (age < -interval) return tell('future', `${Math.round(-age / 1000)} s from the future`);
  const stranger = panePid === null ? null : strangerBecause(observed, file.pid, panePid, file.ts_ms);
  if (stranger !== null) return tell('foreign', stranger);
  const seconds = Math.max(0, Math.round(age / 1000));
  if (age > staleAfter * interval)
    return tell('stale', `${seconds} s old, stale after ${(staleAfter * interval) / 1000} s`);
  return tell('fresh', `${seconds} s old`);
}

/** Null where `pid` lives in the pane's tree and was there when the heartbeat was written. */
function strangerBecause(observed: Observed, pid: number | null, panePid: number, writtenMs: number): string | null {
  if (pid === null) return 'it names no pid';
  const { processes } = observed.sources;
  if (processes.status === 'unknown') return null;
  const table = processes.value.processes;
  let entry: ProcessObserved | undefined = table[String(pid)];
  if (entry === undefined) return `pid ${pid} is not in the pane's process tree`;
  // Ten seconds for the clock that the boot time is computed from; a reused pid is off by far more.
  if (entry.started_ms > writtenMs + 10_000) return `pid ${pid} was started after the heartbeat was written (reused)`;
  for (let steps = 0; steps < 1000 && entry !== undefined; steps += 1) {
    if (entry.pid === panePid) return null;
    entry = table[String(entry.ppid)];
  }
  return `pid ${pid} is not in the pane's process tree`;
}
