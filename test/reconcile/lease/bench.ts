/** A lease's file in a directory of its own, the real flock(1), and a machine whose facts a test can change. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunProgram, runProgram } from '../../../src/observe/run.ts';
import { leasePath } from '../../../src/reconcile/lease/file.ts';
import { type Machine, thisMachine } from '../../../src/reconcile/lease/machine.ts';
import { type LeaseRecord, renderRecord } from '../../../src/reconcile/lease/record.ts';
import type { LeasePorts } from '../../../src/reconcile/lease/take.ts';
import { type LeaseRequest, type NotTaken, type Taken, takeLease } from '../../../src/reconcile/lease/wait.ts';
import type { Result } from '../../../src/spec/result.ts';

export class LeaseBench {
  readonly home = mkdtempSync(join(tmpdir(), 'fleet-lease-'));
  readonly path = leasePath(this.home, 'W-Jarvis');
  readonly machine = thisMachine();
  /** For whom it was waited. */
  readonly told: string[] = [];

  ports(changes: Partial<LeasePorts> = {}, machine: Partial<Machine> = {}): LeasePorts {
    const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
    return { run: runProgram, machine: { ...this.machine, ...machine }, now: Date.now, delay, ...changes };
  }

  take(request: Partial<LeaseRequest> = {}, ports: LeasePorts = this.ports()): Promise<Result<Taken, NotTaken>> {
    const onWait = (by: LeaseRecord | null) => this.told.push(by?.what ?? 'nobody known');
    const asked = { path: this.path, who: 'jarvis', what: 'apply', host: 'w-jarvis', timeoutMs: 0, onWait };
    return takeLease({ ...asked, ...request }, ports);
  }

  /** Throws where it is not had. */
  async got(request: Partial<LeaseRequest> = {}, ports: LeasePorts = this.ports()): Promise<Taken> {
    const taken = await this.take(request, ports);
    if (!taken.ok) throw new Error(`not taken: ${JSON.stringify(taken.error)}`);
    return taken.value;
  }

  record(): LeaseRecord {
    return JSON.parse(readFileSync(this.path, 'utf8').split('\n')[0] ?? '');
  }

  /** As somebody else left it; the directory must be there. */
  write(content: string | LeaseRecord): void {
    writeFileSync(this.path, typeof content === 'string' ? content : renderRecord(content));
  }

  async withDescriptor<T>(body: (fd: number) => Promise<T>): Promise<T> {
    const fd = openSync(this.path, 'r+');
    try {
      return await body(fd);
    } finally {
      closeSync(fd);
    }
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** flock(1) is not installed; all else is. */
export const withoutFlock: RunProgram = (program, args, options) =>
  program === 'flock'
    ? Promise.resolve({ kind: 'failed', why: 'not-installed', detail: 'flock could not be run: ENOENT' })
    : runProgram(program, args, options);

/** As on a file system without locks. */
export const flockRefused: RunProgram = (program, args, options) =>
  program === 'flock'
    ? Promise.resolve({ kind: 'exited', code: 65, signal: null, stdout: '', stderr: 'flock: 3: Not supported\n' })
    : runProgram(program, args, options);

export const outcomeOf = (taken: Result<Taken, NotTaken>): string => {
  if (taken.ok) return 'got';
  return taken.error.why === 'held' ? `held by ${taken.error.by?.what ?? 'nobody known'}` : taken.error.failure.code;
};
