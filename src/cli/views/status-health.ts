/** Whether all is well, from the status document and the controller's life. Pure. docs/contract.md, section 4: else 7. */
import type { StatusDocument } from '../../reconcile/control/status.ts';
import type { Failure } from '../../reconcile/outcome.ts';

export type ControllerLife =
  /** Milliseconds since its last heartbeat. */
  | { readonly state: 'alive'; readonly pid: number; readonly silent: number }
  | { readonly state: 'stuck'; readonly silent: number }
  | { readonly state: 'dead' }
  | { readonly state: 'unknown'; readonly detail: string };

export interface Health {
  readonly healthy: boolean;
  readonly controller: ControllerLife;
  /** Each a sentence; empty where all is well. */
  readonly problems: readonly string[];
}

/** `counters`: why those on the disk cannot be read, null where they can: without them no controller starts. */
export function judgeStatus(status: StatusDocument, controller: ControllerLife, counters: Failure | null): Health {
  const problems = [...problemsOf(controller, status)];
  if (counters !== null) problems.push(countersProblem(controller, counters));
  const ready = status.conditions.find((c) => c.type === 'Ready');
  if (ready === undefined) problems.push('nothing was looked at yet');
  else if (ready.status !== 'True') problems.push(`core agents are not ready (${ready.reason}): ${ready.message}`);
  return { healthy: problems.length === 0, controller, problems };
}

function problemsOf(life: ControllerLife, { controller }: StatusDocument): readonly string[] {
  switch (life.state) {
    case 'alive':
      return [];
    case 'stuck':
      return [`the controller (pid ${controller.pid}) is stuck: no heartbeat for ${Math.round(life.silent / 1_000)} s`];
    case 'dead':
      return [
        `the controller is dead: what is shown is from ${controller.beat_at}; fleet events tells how it ended; to start it: fleet install, or fleet run`,
      ];
    case 'unknown':
      return [`whether the controller lives cannot be told: ${life.detail}`];
  }
}

function countersProblem({ state }: ControllerLife, { summary, detail, remedy }: Failure): string {
  const when = state === 'alive' || state === 'stuck' ? 'it could not be started again' : 'it is not started';
  return `${when}: ${summary}: ${detail}${remedy === null ? '' : `; ${remedy}`}`;
}
