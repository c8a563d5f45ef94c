/** Process tables made of data: the recorded panes, and small worlds for single sentences of the rule. */
import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessDetails } from '../../src/observe/proc/details.ts';
import { parseCmdline, parseEnding } from '../../src/observe/proc/details.ts';
import { type ProcessEntry, parseStat } from '../../src/observe/proc/entry.ts';
import type { PathLookup } from '../../src/observe/proc/paths.ts';
import type { PaneFacts } from '../../src/observe/proc/recognise.ts';
import { buildTable, type ProcessTable } from '../../src/observe/proc/table.ts';

export interface RecordedPane {
  readonly label: string;
  readonly style: string;
  readonly expect: { readonly verdict: string; readonly runtime?: string };
  readonly pane: Readonly<
    Record<'pid' | 'tty' | 'current_command' | 'title' | 'dead' | 'dead_status' | 'dead_signal', string>
  >;
  readonly processes: readonly {
    readonly stat: string;
    readonly exe: string | null;
    readonly cwd: string | null;
    readonly fd0: string | null;
    readonly cmdline: string;
    readonly env__: string;
  }[];
  readonly paths: Readonly<Record<string, { readonly real: string | null; readonly package: string | null }>>;
  readonly screen: readonly string[];
}

const DIRECTORY = new URL('../corpus/panes/', import.meta.url);

export function recordedPanes(): readonly RecordedPane[] {
  return readdirSync(DIRECTORY)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => JSON.parse(readFileSync(new URL(file, DIRECTORY), 'utf8')) as RecordedPane[]);
}

export interface World {
  readonly pane: PaneFacts;
  readonly table: ProcessTable;
  readonly details: ProcessDetails;
  readonly paths: PathLookup;
}

export function recordedWorld(recorded: RecordedPane): World {
  const { pane } = recorded;
  return {
    pane: {
      pid: Number(pane.pid),
      tty: pane.tty,
      dead: pane.dead === '1',
      dead_status: pane.dead_status === '' ? null : Number(pane.dead_status),
      dead_signal: pane.dead_signal === '' ? null : pane.dead_signal,
      title: pane.title,
      current_command: pane.current_command,
    },
    ...makeWorld(
      recorded.processes.map((p) => ({ ...p, environ: p.env__ === '' ? {} : { _: p.env__ } })),
      recorded.paths,
    ),
  };
}

interface ProcessData {
  readonly stat: string;
  readonly exe: string | null;
  readonly cwd: string | null;
  readonly fd0: string | null;
  readonly cmdline: string | null;
  readonly environ: Readonly<Record<string, string>> | null;
}

function makeWorld(processes: readonly ProcessData[], files: RecordedPane['paths']): Omit<World, 'pane'> {
  const data = new Map<number, ProcessData>();
  const entries = new Map<number, ProcessEntry>();
  for (const process of processes) {
    const line = parseStat(process.stat);
    if (line === null) throw new Error(`not a stat line: ${process.stat}`);
    entries.set(line.pid, { ...line, uid: 1000 });
    data.set(line.pid, process);
  }
  const byReal = new Map(Object.values(files).map((file) => [file.real, file.package]));
  const none = { status: 'unknown', why: 'denied', detail: 'not in this world' } as const;
  return {
    table: buildTable(0, entries),
    details: {
      exe: (pid) => data.get(pid)?.exe ?? null,
      cwd: (pid) => known(data.get(pid)?.cwd ?? null) ?? none,
      cmdline: (pid) => {
        const raw = data.get(pid)?.cmdline ?? null;
        return raw === null ? null : parseCmdline(raw);
      },
      environ: (pid) => known(mapOf(data.get(pid)?.environ ?? null)) ?? none,
      fd0: (pid) => data.get(pid)?.fd0 ?? null,
      ending: (pid) => parseEnding(data.get(pid)?.stat ?? ''),
    },
    paths: {
      real: (path) => files[path]?.real ?? (byReal.has(path) ? path : null),
      package: (path) => byReal.get(path) ?? null,
    },
  };
}

function known<T>(value: T | null): { readonly status: 'known'; readonly value: T } | null {
  return value === null ? null : { status: 'known', value };
}

/** One process of a made-up pane on /dev/pts/7. Defaults: child of the one before it, in the foreground, sleeping. */
export interface Actor {
  readonly exe: string | null;
  /** Null: there, and not readable. */
  readonly argv?: readonly string[] | null;
  /** A title written over the command line. */
  readonly title?: string;
  readonly comm?: string;
  readonly under?: number;
  readonly state?: string;
  readonly foreground?: boolean;
  /** Number of its terminal, 0 = none. */
  readonly tty?: number;
  readonly fd0?: string;
  readonly starter?: string;
  readonly cwd?: string;
  readonly environ?: null;
  /** What waitpid(2) would say of it. */
  readonly exitCode?: number;
}

const PTS_7 = 34816 + 7;

/** Processes 100, 101, …; `files` maps a path to its real path or, with a package, to both. */
export function stage(
  actors: readonly Actor[],
  files: Readonly<Record<string, string | { readonly real: string; readonly package: string | null }>> = {},
  pane: Partial<PaneFacts> = {},
): World {
  const processes = actors.map((actor, i): ProcessData => {
    const pid = 100 + i;
    const parent = actor.under ?? (i === 0 ? 1 : pid - 1);
    const tty = actor.tty ?? PTS_7;
    const group = tty === 0 ? pid : actor.foreground === false ? pid : tty === PTS_7 ? 100 : tty;
    const front = tty === 0 ? -1 : tty === PTS_7 ? (actors[0]?.foreground === false ? 999 : 100) : tty;
    const name = actor.comm ?? (actor.exe ?? 'x').slice((actor.exe ?? 'x').lastIndexOf('/') + 1).slice(0, 15);
    const argv = actor.argv === undefined ? [actor.exe ?? 'x'] : actor.argv;
    const line = argv === null ? null : argv.map((word) => `${word}\0`).join('');
    return {
      stat: `${pid} (${name}) ${actor.state ?? 'S'} ${parent} ${group} 100 ${tty} ${front} 0 0 0 0 0 0 0 0 0 20 0 1 0 ${5000 + i} ${'0 '.repeat(29)}${actor.exitCode ?? 0}`,
      exe: actor.exe,
      cwd: actor.cwd ?? '/home/u',
      fd0: actor.fd0 ?? '/dev/pts/7',
      cmdline: actor.title === undefined ? line : actor.title.padEnd(60, '\0'),
      environ: actor.environ === null ? null : actor.starter === undefined ? {} : { _: actor.starter },
    };
  });
  const paths = Object.fromEntries(
    Object.entries(files).map(([path, to]) => [path, typeof to === 'string' ? { real: to, package: null } : to]),
  );
  const facts = { dead: false, dead_status: null, dead_signal: null, title: 'vm', current_command: 'x' };
  return { pane: { pid: 100, tty: '/dev/pts/7', ...facts, ...pane }, ...makeWorld(processes, paths) };
}

function mapOf(variables: Readonly<Record<string, string>> | null): ReadonlyMap<string, string> | null {
  return variables === null ? null : new Map(Object.entries(variables));
}
