/** The command line in-process: captured streams, a home of its own, no terminal unless asked for. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context, Output } from '../../src/cli/context.ts';
import { fleet } from '../../src/cli/fleet.ts';
import { textLog } from '../../src/cli/log.ts';
import { createMasking } from '../../src/observe/masking.ts';
import type { RunProgram } from '../../src/observe/run.ts';
import { diskFiles } from '../../src/reconcile/files/disk.ts';
import { thisMachine } from '../../src/reconcile/lease/machine.ts';
import { processControl } from '../../src/reconcile/process-control.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Bench {
  readonly directory: string;
  readonly home: string;
  /** Writes a file under the directory and returns its path. */
  readonly file: (name: string, content: string | Uint8Array) => string;
  readonly run: (...argv: readonly string[]) => Promise<Ran>;
  readonly context: (changes?: Partial<Context>) => { readonly context: Context; readonly ran: (code: number) => Ran };
  readonly remove: () => void;
}

/** No program can be run: what needs one says so. */
export const noPrograms: RunProgram = async (program) => ({
  kind: 'failed',
  why: 'not-installed',
  detail: `${program} could not be run: ENOENT`,
});

export function openBench(changes: Partial<Context> = {}): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'fleet-test-cli-'));
  const contextWith = (more: Partial<Context> = {}) => {
    const stdout = capture();
    const stderr = capture();
    const interrupts = new AbortController();
    const context: Context = {
      stdout,
      stderr,
      env: { TMUX_TMPDIR: directory },
      cwd: directory,
      user: { name: 'jarvis', uid: process.getuid?.() ?? 0, home: directory },
      color: () => false,
      hostname: 'w-jarvis',
      now: () => Date.parse('2026-06-01T12:00:00.000Z'),
      delay: () => Promise.resolve(),
      run: noPrograms,
      files: diskFiles,
      processes: processControl(),
      machine: thisMachine(),
      interrupted: () => interrupts.signal,
      finishBeforeInterrupt: () => {},
      onExit: () => () => {},
      self: { node: '/usr/bin/node', script: '/opt/fleet/fleet.cjs' },
      onHangup: () => {},
      endsSoon: () => {},
      stdin: { isTerminal: false, ask: () => Promise.resolve(null) },
      log: textLog(false, stderr),
      masking: createMasking(),
      ...changes,
      ...more,
    };
    return { context, ran: (code: number): Ran => ({ code, stdout: stdout.text(), stderr: stderr.text() }) };
  };
  return {
    directory,
    home: directory,
    file: (name, content) => {
      const path = join(directory, name);
      writeFileSync(path, content);
      return path;
    },
    run: async (...argv) => {
      const { context, ran } = contextWith();
      return ran(await fleet(argv, context));
    },
    context: contextWith,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function capture(): Output & { readonly text: () => string } {
  const written: string[] = [];
  return {
    write: (text) => {
      written.push(text);
    },
    text: () => written.join(''),
    isTerminal: false,
    columns: null,
  };
}
