/** The processes in the trees of observed panes, with what the roster needs to know of them and no value besides. */
import type { Layout } from '../spec/layout.ts';
import { put } from '../spec/record.ts';
import type { LastLook } from './last-look.ts';
import type { Masking } from './masking.ts';
import type { ProcessDetails } from './proc/details.ts';
import type { ProcessEntry } from './proc/entry.ts';
import type { ProcessTable } from './proc/table.ts';
import type { ProcessEnv, ProcessObserved, SecretMatch, Source, TmuxPane } from './state.ts';

/** What is wanted of the environment in one pane. */
export interface WantedEnv {
  /** Names whose values may be recorded. */
  readonly plain: readonly string[];
  /** Names of secrets, each with the value that it should have; unknown where the file could not be read. */
  readonly secrets: ReadonlyMap<string, Source<string>>;
}

export interface SeenPane {
  readonly pane: TmuxPane;
  readonly wanted: WantedEnv;
}

/** Into `byPid`, as in `ProcessesObserved`. */
export function collectProcesses(
  panes: readonly SeenPane[],
  table: ProcessTable,
  details: ProcessDetails,
  masking: Masking,
  byPid: Record<string, ProcessObserved>,
  before?: LastLook,
): void {
  for (const { pane, wanted } of panes) {
    const running = 'pid' in pane.runs ? pane.runs.pid : null;
    for (const pid of treeOf(pane.pid, running, table)) {
      const entry = table.entries.get(pid);
      if (entry === undefined) continue;
      // Directory and environment of the pane's process and of the one that was recognised; agents run dozens of others.
      const looksInto = pid === pane.pid || pid === running;
      byPid[pid] = describeProcess(entry, table, details, looksInto ? wanted : null, masking, before);
    }
  }
}

/** The pane's process and all below it, and the one that was recognised in it. */
function treeOf(root: number | null, running: number | null, table: ProcessTable): Iterable<number> {
  const alone = root === running || running === null;
  if (root !== null && alone && table.children(root).length === 0) return [root];
  const found = new Set(root === null ? [] : [root]);
  // A set is walked in order of insertion, those that are added on the way included.
  for (const pid of found) for (const child of table.children(pid)) found.add(child);
  if (running !== null) found.add(running);
  return found;
}

function describeProcess(
  entry: ProcessEntry,
  table: ProcessTable,
  details: ProcessDetails,
  wanted: WantedEnv | null,
  masking: Masking,
  before: LastLook | undefined,
): ProcessObserved {
  const { pid, ppid, pgrp, start_time, state, comm } = entry;
  const exe = details.exe(pid);
  const cwd = wanted === null ? NOT_LOOKED_AT : details.cwd(pid);
  const environ = wanted === null ? NOT_LOOKED_AT : details.environ(pid);
  const make = (): ProcessObserved => {
    const started_ms = Math.round(table.booted_at_ms + (start_time * 1000) / table.clock_ticks_per_second);
    const env = wanted === null ? NOT_LOOKED_AT : describeEnv(environ, wanted, masking);
    return { pid, ppid, pgrp, start_time, started_ms, state, comm, exe, cwd, env };
  };
  const inputs = [entry, table.booted_at_ms, exe, ...wordsOf(cwd), environ, wanted, masking];
  return before?.processes.of(pid, inputs, make) ?? make();
}

/** All that it tells. */
export function wordsOf(source: Source<string>): readonly [string, string, string] {
  return source.status === 'known' ? ['known', source.value, ''] : ['unknown', source.detail, source.why];
}

const NOT_LOOKED_AT = {
  status: 'unknown',
  why: 'not-observed',
  detail: 'not the process that runs in the pane',
} as const;

/** Names of all variables, values of those that are wanted by name, of secrets only whether they match. */
function describeEnv(
  environ: Source<ReadonlyMap<string, string>>,
  wanted: WantedEnv,
  masking: Masking,
): Source<ProcessEnv> {
  if (environ.status === 'unknown') return environ;
  const live = environ.value;
  // A live value may be an older one than the file's, and as secret.
  for (const name of wanted.secrets.keys()) masking.learn(live.get(name) ?? '');
  const values: Record<string, string> = {};
  for (const name of wanted.plain) {
    const value = live.get(name);
    if (value !== undefined && !wanted.secrets.has(name)) put(values, name, value);
  }
  const secrets: Record<string, SecretMatch> = {};
  wanted.secrets.forEach((value, name) => {
    put(secrets, name, { matches: value.status === 'unknown' ? 'unknown' : live.get(name) === value.value });
  });
  const keys = Array.from(live.keys());
  return {
    status: 'known',
    value: { keys, values, secrets },
  };
}

/** Names that the layout owns and the roster's agent sets; `readSecret` gives the content that a secret should have. */
export function wantedEnvOf(
  layout: Layout,
  env: Readonly<Record<string, { readonly kind: 'plain' } | { readonly kind: 'secret'; readonly fromFile: string }>>,
  readSecret: (path: string) => Source<string>,
): WantedEnv {
  const plain = [...layout.keyOrder];
  const secrets = new Map<string, Source<string>>();
  for (const [name, value] of Object.entries(env)) {
    if (value.kind === 'plain') plain.push(name);
    else secrets.set(name, readSecret(value.fromFile));
  }
  return { plain, secrets };
}
