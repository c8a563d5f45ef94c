/**
 * One process of the race for a lease, run by lease.test.ts. Its words: what it does as JSON. It prints one line of JSON
 * for each thing that happened.
 */
import { readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { runProgram } from '../../src/observe/run.ts';
import { thisMachine } from '../../src/reconcile/lease/machine.ts';
import { leaseStatus, releaseLease } from '../../src/reconcile/lease/release.ts';
import { takeLease } from '../../src/reconcile/lease/wait.ts';
import { randomFrom } from './suite.ts';

export interface RacerTask {
  readonly path: string;
  readonly role: 'taker' | 'breaker';
  readonly lock: 'flock' | 'record';
  /** How often it takes the lease, or tries to take it away from another. */
  readonly times: number;
  readonly seed: number;
  /** Chance to be killed, by itself, while it holds the lease. */
  readonly dies: number;
  /** A link that is there while somebody is inside. */
  readonly inside: string;
}

export type RacerLine =
  | { readonly event: 'got'; readonly id: string; readonly fence: number }
  | { readonly event: 'dying'; readonly id: string }
  /** Somebody else, alive, was inside too. */
  | { readonly event: 'two-inside'; readonly other: string }
  | { readonly event: 'lost'; readonly id: string; readonly why: string }
  | { readonly event: 'released'; readonly id: string }
  | { readonly event: 'failed'; readonly why: string };

const say = (line: RacerLine): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
const machine = thisMachine();
const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const task: RacerTask = JSON.parse(process.argv[2] ?? '');
const random = randomFrom(task.seed);
const run: typeof runProgram =
  task.lock === 'flock'
    ? runProgram
    : () => Promise.resolve({ kind: 'failed', why: 'not-installed', detail: 'flock is kept from this process' });

async function takeOnce(): Promise<void> {
  const request = { path: task.path, who: 'racer', what: 'apply', host: 'here', timeoutMs: 60_000 };
  const taken = await takeLease(request, { run, machine, now: Date.now, delay });
  if (!taken.ok) {
    say({ event: 'failed', why: JSON.stringify(taken.error) });
    return;
  }
  const { lease } = taken.value;
  say({ event: 'got', id: lease.id, fence: lease.fence });
  enter();
  await delay(random() * 3);
  if (random() < task.dies) {
    say({ event: 'dying', id: lease.id });
    process.kill(process.pid, 'SIGKILL');
  }
  const why = lease.mayAct();
  if (why !== null) say({ event: 'lost', id: lease.id, why: why.detail });
  leave();
  lease.release();
}

function myName(): string {
  const seen = machine.holder(process.pid);
  return `${process.pid}:${seen.state === 'running' ? seen.startTime : 0}`;
}

function enter(): void {
  for (;;) {
    try {
      symlinkSync(myName(), task.inside);
      return;
    } catch {
      const other = readlinkSync(task.inside);
      const [pid, start] = other.split(':');
      const seen = machine.holder(Number(pid));
      if (seen.state === 'running' && String(seen.startTime) === start) {
        say({ event: 'two-inside', other });
        return;
      }
      unlinkSync(task.inside);
    }
  }
}

function leave(): void {
  try {
    if (readlinkSync(task.inside) === myName()) unlinkSync(task.inside);
  } catch {
    // Taken away by who found two inside, and told it.
  }
}

async function breakOnce(): Promise<void> {
  await delay(random() * 12);
  const seen = leaseStatus(task.path, machine);
  if (!seen.ok || seen.value.state !== 'held') return;
  const { id } = seen.value.by;
  // Late on purpose: in between it may have been let go and taken by another.
  if (random() < 0.5) await delay(random() * 6);
  const released = releaseLease(task.path, id, machine);
  if (released.ok && released.value.was === 'held') say({ event: 'released', id });
}

for (let times = 0; times < task.times; times++) await (task.role === 'taker' ? takeOnce() : breakOnce());
