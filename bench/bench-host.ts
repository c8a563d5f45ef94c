/**
 * The host of a bench: booted as the system tests boot theirs, with a fleet of N agents that `fleet plan` finds nothing
 * to say about. The agents are `sleep infinity`, started by fleet's own units and launcher, each with a heartbeat. The home is a file
 * system of its own: the rest of the host is an overlay, in which a file's inode costs half as much again, and no home is that.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bootHost, type Host } from '../test/system/harness/host.ts';
import { whyNoHosts } from '../test/system/harness/requirements.ts';

export const USER = 'jarvis';
export const SOCKET = 'fleet-bench';
const ON_HOST = '/opt/on-host.cjs';
/** Nine loops over a thousand agents, on a busy machine. */
const DEADLINE_MS = 45 * 60_000;

interface BenchOptions {
  readonly sizes: readonly number[];
  readonly rounds: number;
}

export function readOptions(argv: readonly string[], sizes: readonly number[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: { sizes: { type: 'string' }, rounds: { type: 'string', default: '9' } },
  });
  const wanted = values.sizes === undefined ? sizes : values.sizes.split(',').map(Number);
  return { sizes: wanted.toSorted((a, b) => a - b), rounds: Number(values.rounds) };
}

export interface BenchHost {
  readonly host: Host;
  /** Brings the fleet up to `count` agents; gives the path of its roster. */
  readonly grow: (count: number) => Promise<string>;
  /** A fleet of its own, of `count` agents that note each of their starts in `starts/log`. */
  readonly growNoting: (count: number) => Promise<string>;
  /** Runs a part of on-host.ts there, which prints JSON. */
  readonly onHost: (args: readonly string[]) => Promise<unknown>;
}

/** Gives what `work` gives; null where no host can be booted here, which it says. */
export async function withBenchHost<T>(work: (bench: BenchHost) => Promise<T>): Promise<T | null> {
  const why = whyNoHosts();
  if (why !== null) {
    console.log(`A live host is measured only where one can be booted. ${why}.`);
    return null;
  }
  const entry = fileURLToPath(new URL('./on-host.ts', import.meta.url));
  const built = await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
    define: { FLEET_VERSION: '"bench"' },
  });
  const host = await bootHost({ hostname: 'benchhost', users: [{ name: USER, linger: true }] });
  try {
    await host.mustRoot(['sh', '-c', `cat >${ON_HOST}`], built.outputFiles[0]?.text ?? '');
    await host.mustRoot([
      'sh',
      '-c',
      `mount -t tmpfs -o "mode=755,uid=$(id -u ${USER}),gid=$(id -g ${USER})" home ~${USER}`,
    ]);
    return await work(benchHost(host));
  } finally {
    await host.destroy();
  }
}

function benchHost(host: Host): BenchHost {
  const onHost = async (args: readonly string[]): Promise<unknown> =>
    JSON.parse(await host.mustAs(USER, [host.node, '--expose-gc', ON_HOST, ...args], { deadlineMs: DEADLINE_MS }));
  const growTo = async (count: number, text: string): Promise<string> => {
    const roster = `/home/${USER}/fleet-${count}.yaml`;
    await host.write(USER, roster, text);
    await onHost(['stage', roster]);
    const plan = await host.fleet(USER, ['plan', '--detailed-exitcode', '-f', roster]);
    if (plan.code !== 0) throw new Error(`bench: the fleet is not as its roster says:\n${plan.stdout}\n${plan.stderr}`);
    return roster;
  };
  const growNoting = async (count: number): Promise<string> => {
    await host.write(USER, 'agent', '#!/bin/sh\necho "$FLEET_AGENT_NAME" >>~/starts/log\nexec sleep infinity\n', '755');
    await host.mustAs(USER, ['sh', '-c', 'mkdir -p starts && touch starts/log']);
    return growTo(count, rosterOf(count, '[~/agent]', false));
  };
  return { host, grow: (count) => growTo(count, rosterOf(count)), growNoting, onHost };
}

function rosterOf(count: number, command = '[sleep, infinity]', beats = true): string {
  const agents = Array.from({ length: count }, (_, index) => `  - name: agent-${String(index + 1).padStart(4, '0')}`);
  return [
    'version: 1',
    'fleet: bench',
    `tmux: { socket_name: ${SOCKET} }`,
    'runtimes:',
    `  stub: { command: ${command}, match: { exe: sleep }, beats: ${beats} }`,
    'defaults: { runtime: stub, working_directory: "~", heartbeat: { interval: 1h } }',
    'agents:',
    ...agents,
    '',
  ].join('\n');
}
