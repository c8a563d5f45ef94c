/** `observeTmux` on a test's own servers, with what it ran counted. */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMasking } from '../../src/observe/masking.ts';
import { readPathLookup } from '../../src/observe/proc/paths.ts';
import { type RunProgram, runProgram } from '../../src/observe/run.ts';
import type { TmuxObserved, TmuxServerObserved, TmuxSession } from '../../src/observe/state.ts';
import { observeTmux, type TmuxAndProcesses } from '../../src/observe/tmux/observe-tmux.ts';
import type { AgentSpec, Roster } from '../../src/spec/model.ts';
import { BUILT_IN_RUNTIMES } from '../../src/spec/runtimes.ts';
import { makeAgent, makeRoster } from '../spec/make-agent.ts';
import { uid } from './private-tmux.ts';

export interface Watched {
  readonly run: RunProgram;
  /** One line for each child. */
  readonly ran: string[];
}

export function watched(run: RunProgram = runProgram): Watched {
  const ran: string[] = [];
  return {
    ran,
    run: (program, args, options) => {
      ran.push([program, ...args].join(' '));
      return run(program, args, options);
    },
  };
}

export interface Asked {
  readonly base: string;
  readonly socket?: string;
  readonly agents?: readonly Partial<AgentSpec>[];
  readonly roster?: Partial<Roster>;
  readonly run?: RunProgram;
  readonly deadlineMs?: number;
  readonly delays?: number[];
  readonly procRoot?: string;
  readonly narrowed?: boolean;
}

export function askTmuxOf(asked: Asked): Promise<TmuxAndProcesses> {
  const socketName = asked.socket ?? 'main';
  const agents = (asked.agents ?? []).map((agent) => makeAgent({ socket: socketName, ...agent }));
  const roster = makeRoster({
    tmux: { socketName, holderSession: '_holder' },
    runtimes: BUILT_IN_RUNTIMES,
    agents,
    ...asked.roster,
  });
  const delay = async (ms: number) => {
    asked.delays?.push(ms);
    await new Promise<void>((resolve) => setTimeout(resolve, ms));
  };
  return observeTmux(
    {
      roster,
      agents,
      narrowed: asked.narrowed ?? false,
      once: false,
      uid,
      home: '/home/nobody',
      masking: createMasking(),
      readSecret: () => ({ status: 'unknown', why: 'io', detail: 'no secrets here' }),
      deadlineMs: asked.deadlineMs ?? 5_000,
      tmuxTmpdir: asked.base,
      ...(asked.procRoot === undefined ? {} : { procRoot: asked.procRoot }),
    },
    { run: asked.run ?? runProgram, now: Date.now, delay, paths: readPathLookup() },
  );
}

export async function serversOf(asked: Asked): Promise<TmuxObserved['servers']> {
  const { tmux } = await askTmuxOf(asked);
  if (tmux.status === 'unknown') throw new Error(`${tmux.why}: ${tmux.detail}`);
  return tmux.value.servers;
}

export async function serverOf(asked: Asked): Promise<TmuxServerObserved> {
  const servers = await serversOf(asked);
  const server = servers.find((s) => s.socket === (asked.socket ?? 'main'));
  if (server === undefined) throw new Error('the server is not in the list');
  return server;
}

export async function sessionsOf(asked: Asked): Promise<readonly TmuxSession[]> {
  const { server } = await serverOf(asked);
  if (server.state !== 'running') throw new Error(JSON.stringify(server));
  return server.sessions;
}

/** A directory with a `tmux` of the test's own; everything else is found as ever. */
export function fakeTmux(body: string): { readonly run: RunProgram; readonly end: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'fleet-fake-'));
  writeFileSync(join(directory, 'tmux'), `#!/bin/sh\n${body}\n`);
  chmodSync(join(directory, 'tmux'), 0o755);
  const path = `${directory}:${process.env['PATH']}`;
  return {
    run: (program, args, options) => runProgram(program, args, { ...options, env: { ...options.env, PATH: path } }),
    end: () => rmSync(directory, { recursive: true, force: true }),
  };
}
