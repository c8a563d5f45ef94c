/** Whether all is well, from the status document and the controller's life. Pure. docs/contract.md, section 4: else 7. */
import type { StatusDocument } from '../../reconcile/control/status.ts';

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

export function judgeStatus(status: StatusDocument, controller: ControllerLife): Health {
  const problems = [...problemsOf(controller, status)];
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
      return [`the controller is dead: what is shown is from ${controller.beat_at}`];
    case 'unknown':
      return [`whether the controller lives cannot be told: ${life.detail}`];
  }
}
