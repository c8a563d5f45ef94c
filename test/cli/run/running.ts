/** `fleet run` in this process, with a file PAUSED and no tmux. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fleet } from '../../../src/cli/fleet.ts';
import { runProgram } from '../../../src/observe/run.ts';
import type { StatusDocument } from '../../../src/reconcile/control/status.ts';
import { type StatePaths, statePaths } from '../../../src/reconcile/state/paths.ts';
import { until } from '../../observe/watch/world.ts';
import { type Bench, openBench, type Ran } from '../harness.ts';

const ROSTER = `version: 1
fleet: lab
supervisor: none
tmux: { socket_name: fleet-lease-gone }
agents:
  - { name: sage, runtime: pi }
`;

export interface Running {
  readonly bench: Bench;
  readonly paths: StatePaths;
  /** Absolute. */
  readonly roster: string;
  readonly events: () => string;
  /** Resolves when it has ended. */
  readonly ended: () => Promise<Ran>;
  /** Begins with these flags of `fleet run`; until its first status, or its end. */
  readonly start: (...flags: readonly string[]) => Promise<void>;
  /** Until it tells what its first look found. */
  readonly looked: () => Promise<void>;
  /** As the first TERM does. */
  readonly ask: () => void;
  readonly remove: () => Promise<void>;
}

/** Of a controller that began since then. */
function statusSince(path: string, began: string): StatusDocument | null {
  if (!existsSync(path)) return null;
  const status = JSON.parse(readFileSync(path, 'utf8')) as StatusDocument;
  return status.controller.started_at >= began ? status : null;
}

export function openRunning(): Running {
  let asked = new AbortController();
  let ended: Promise<Ran> | null = null;
  let began = '';
  const bench = openBench({
    run: runProgram,
    delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    now: Date.now,
    interrupted: () => asked.signal,
  });
  const root = join(bench.home, '.local/state/fleet');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  writeFileSync(join(root, 'PAUSED'), '');
  const paths = statePaths(bench.home, 'w-jarvis', 'lab');
  const roster = bench.file('r.yaml', ROSTER);
  const begin = async (flags: readonly string[]): Promise<Ran> => {
    const { context, ran } = bench.context();
    return ran(await fleet(['run', '-f', roster, ...flags], context));
  };
  return {
    bench,
    paths,
    roster,
    events: () => readFileSync(paths.events, 'utf8'),
    ended: async () => (await ended) ?? Promise.reject(new Error('it was not started')),
    start: async (...flags) => {
      asked = new AbortController();
      let over = false;
      began = new Date().toISOString();
      ended = begin(flags);
      void ended.then(() => {
        over = true;
      });
      await until('its first status', () => over || statusSince(paths.status, began) !== null);
    },
    looked: async () => {
      await until('a look', () => (statusSince(paths.status, began)?.conditions.length ?? 0) > 0);
    },
    ask: () => asked.abort(),
    remove: async () => {
      asked.abort();
      await ended;
      bench.remove();
    },
  };
}
