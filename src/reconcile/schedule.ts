/**
 * Which change waits for which. Groups one after the other (stage; in stage 5 stops by wave descending, then the rest by
 * wave ascending, each wave batch by batch); within a group as many at once as allowed, each after what it depends on,
 * and never two of one agent at a time. A failed change fails only what depends on it.
 */
import type { Change } from '../diff/plan.ts';
import type { Batch } from './batches.ts';
import { about, type Outcome, type SkipWhy, succeeded } from './outcome.ts';

export interface Task {
  readonly change: Change;
  /** Changes that must have been made. Always earlier ones of the plan. */
  readonly needs: readonly Task[];
  /** Changes that must have come to an end, however. */
  readonly after: readonly Task[];
  /** Of `depends_on`, what the plan holds only later: it cannot be waited for. */
  readonly impossible: readonly string[];
}

/** Groups in the order of their making; tasks in the plan's order. */
export function scheduleGroups(changes: readonly Change[], batches: readonly Batch[]): readonly (readonly Task[])[] {
  const batchOf = new Map(batches.flatMap((b) => [...b.agents].map((name) => [name, b.number] as const)));
  const earlier = new Map<string, Task[]>();
  const all = new Set(changes.map((c) => c.address));
  const lastOf = new Map<string, Task>();
  const groups = new Map<string, { readonly key: readonly number[]; readonly tasks: Task[] }>();
  for (const change of changes) {
    // A unit that is not stopped is not disabled either: what is pruned goes in one order, also within one address.
    const before = change.stage === 6 ? [...change.depends_on, change.address] : change.depends_on;
    const needs = before.flatMap((address) => earlier.get(address) ?? []);
    const impossible = change.depends_on.filter((address) => all.has(address) && !earlier.has(address));
    const subject = change.agent ?? change.address;
    const previous = lastOf.get(subject);
    const task: Task = { change, needs, after: previous === undefined ? [] : [previous], impossible };
    lastOf.set(subject, task);
    earlier.set(change.address, [...(earlier.get(change.address) ?? []), task]);
    const key = groupKey(change, batchOf.get(change.agent ?? '') ?? 0);
    const group = groups.get(key.join('/')) ?? { key, tasks: [] };
    group.tasks.push(task);
    groups.set(key.join('/'), group);
  }
  return [...groups.values()].sort((a, b) => compareKeys(a.key, b.key)).map((g) => g.tasks);
}

function groupKey(change: Change, batch: number): readonly number[] {
  const { stage, wave, action } = change;
  if (stage !== 5) return [stage, 0, 0, 0];
  const ends = action === 'stop' || action === 'destroy';
  return ends ? [stage, 0, -wave, batch] : [stage, 1, wave, batch];
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (const [i, x] of a.entries()) {
    const difference = x - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Runs every task once. `run` makes one change; it is asked only when its turn has come. */
export async function runGroups(
  groups: readonly (readonly Task[])[],
  run: (change: Change) => Promise<Outcome>,
  settle: (outcome: Outcome) => void,
): Promise<ReadonlyMap<Change, Outcome>> {
  const running = new Map<Task, Promise<Outcome>>();
  const outcomes = new Map<Change, Outcome>();
  for (const group of groups) {
    const promises = group.map((task) => {
      const promise = runTask(task, running, run).then((outcome) => {
        outcomes.set(task.change, outcome);
        settle(outcome);
        return outcome;
      });
      running.set(task, promise);
      return promise;
    });
    // A bug in one effect must not cut off the others half-way: it goes on up when all have come to an end.
    const ended = await Promise.allSettled(promises);
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
  }
  return outcomes;
}

/** Nothing failed: what waits for such a change is put off with it. */
const PASSED_ON: ReadonlySet<SkipWhy> = new Set(['not-attempted', 'deferred-busy', 'deferred-attached']);

async function runTask(
  task: Task,
  running: ReadonlyMap<Task, Promise<Outcome>>,
  run: (change: Change) => Promise<Outcome>,
): Promise<Outcome> {
  const { change } = task;
  if (task.impossible.length > 0)
    return dependencyFailed(change, `${task.impossible.join(', ')} comes later in the plan`);
  for (const before of task.after) await running.get(before)?.catch(() => null);
  for (const need of task.needs) {
    const promise = running.get(need);
    if (promise === undefined) return dependencyFailed(change, `${need.change.address} comes later`);
    const outcome = await promise;
    if (outcome.outcome === 'skipped' && PASSED_ON.has(outcome.why)) {
      const detail = `waits for ${need.change.address}: ${outcome.detail}`;
      return { outcome: 'skipped', ...about(change), why: outcome.why, detail };
    }
    if (!succeeded(outcome)) return dependencyFailed(change, `${need.change.address}: ${endOf(outcome)}`);
  }
  return run(change);
}

function endOf(outcome: Outcome): string {
  switch (outcome.outcome) {
    case 'applied':
      return 'applied';
    case 'failed':
      return `failed (${outcome.failure.code})`;
    case 'skipped':
      return outcome.why;
  }
}

function dependencyFailed(change: Change, detail: string): Outcome {
  return { outcome: 'skipped', ...about(change), why: 'dependency-failed', detail };
}
