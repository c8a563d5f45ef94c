/** Whether an agent is ready: up, as the runtime it should be, and beating where that is asked for. docs/contract.md, section 7. */
import type { Reason } from '../../diff/reasons.ts';
import type { AgentFacts } from './conditions.ts';

export interface Verdict {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** Drift of what works all the same: the agent is up, and only not as the roster would have it at its next start. */
const UP_ALL_THE_SAME: ReadonlySet<Reason> = new Set([
  'spec-changed',
  'workdir-mismatch',
  'env-mismatch',
  'window-mismatch',
  'unit-inactive',
  'unit-in-transition',
  'unit-file-changed',
  'daemon-reload-needed',
  'env-file-missing',
  'env-file-changed',
  'boot-disabled',
  'boot-runtime-only',
  'boot-wrong-target',
  'boot-enabled',
  'unit-linked',
  'unit-masked',
  'unit-cannot-enable',
  'linger-disabled',
]);

/** A heartbeat that counts as unknown. */
const UNTOLD: ReadonlySet<Reason> = new Set(['heartbeat-future', 'heartbeat-foreign', 'heartbeat-unreadable']);
const NO_BEAT: ReadonlySet<Reason> = new Set(['heartbeat-missing', 'heartbeat-stale']);

export function evaluateReady({ agent, plan, pause }: AgentFacts): Verdict {
  if (agent.state === 'stopped') return { status: 'True', reason: 'Stopped', message: 'as the roster wants it' };
  const of = <T extends { readonly agent: string | null }>(list: readonly T[]): readonly T[] =>
    list.filter((x) => x.agent === agent.name);
  const [unseen] = of(plan.unknown);
  if (unseen !== undefined) return { status: 'Unknown', reason: 'Unobserved', message: unseen.detail };
  const down = [...of(plan.changes), ...of(plan.deferred), ...of(plan.blocked)].find(
    (x) => !UP_ALL_THE_SAME.has(x.reason),
  );
  if (down !== undefined) return { status: 'False', reason: word(down.reason), message: down.evidence.join('; ') };
  const beat = agent.heartbeat.required ? of(plan.warnings) : [];
  const silent = beat.find((w) => NO_BEAT.has(w.reason));
  if (silent !== undefined)
    return { status: 'False', reason: word(silent.reason), message: silent.evidence.join('; ') };
  const parked = of(plan.warnings).find((w) => w.reason === 'parked');
  if (parked !== undefined) return { status: 'False', reason: 'Parked', message: parked.evidence.join('; ') };
  const untold = beat.find((w) => UNTOLD.has(w.reason));
  if (untold !== undefined)
    return { status: 'Unknown', reason: word(untold.reason), message: untold.evidence.join('; ') };
  const hidden = plan.ignored.find(
    (i) => i.pause !== undefined && i.reason !== 'paused' && i.address.endsWith(`/${agent.name}`),
  );
  if (pause !== null && hidden !== undefined) {
    return { status: 'False', reason: word(hidden.reason), message: 'left alone while it is paused' };
  }
  return { status: 'True', reason: 'AsWanted', message: '' };
}

function word(reason: string): string {
  return reason.replace(/(?:^|-)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
