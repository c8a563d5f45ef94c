/** Whether an agent is ready: up, as the runtime it should be, and beating where that is asked for. docs/contract.md, section 7. */
import type { Reason } from '../../diff/reasons.ts';
import { camel } from '../../spec/camel.ts';
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
  'secret-missing',
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

export function evaluateReady(facts: AgentFacts): Verdict {
  const { agent, plan, pause, standing } = facts;
  if (agent.state === 'stopped') return { status: 'True', reason: 'Stopped', message: 'as the roster wants it' };
  const of = <T extends { readonly agent: string | null }>(list: readonly T[]): readonly T[] =>
    list.filter((x) => x.agent === agent.name);
  const [unseen] = of(plan.unknown);
  if (unseen !== undefined) return { status: 'Unknown', reason: 'Unobserved', message: unseen.detail };
  const down = [...of(plan.changes), ...of(plan.deferred), ...of(plan.blocked)].find(
    (x) => !UP_ALL_THE_SAME.has(x.reason),
  );
  if (down !== undefined) return { status: 'False', reason: camel(down.reason), message: down.evidence.join('; ') };
  if (standing.stands !== 'up') {
    const { stands, reason, evidence } = standing;
    const message = [...evidence, ...leftBecause(facts)].join('; ');
    return { status: stands === 'down' ? 'False' : 'Unknown', reason: camel(reason), message };
  }
  const hidden = plan.ignored.find(
    (i) =>
      i.pause !== undefined &&
      i.reason !== 'paused' &&
      !UP_ALL_THE_SAME.has(i.reason) &&
      i.address.endsWith(`/${agent.name}`),
  );
  if (pause !== null && hidden !== undefined) {
    return { status: 'False', reason: camel(hidden.reason), message: LEFT_WHILE_PAUSED };
  }
  return AS_WANTED;
}

export const AS_WANTED: Verdict = { status: 'True', reason: 'AsWanted', message: '' };

const LEFT_WHILE_PAUSED = 'left alone while it is paused';

/** Why nothing is done about it, where it is somebody's wish. */
function leftBecause({ agent, plan, pause }: AgentFacts): readonly string[] {
  if (agent.manage !== 'enforce') return [`left alone: manage: ${agent.manage}`];
  if (pause !== null) return [LEFT_WHILE_PAUSED];
  const rule = plan.ignored.find((i) => i.pause === undefined && i.address.endsWith(`/session/${agent.name}`))?.rule;
  return rule === undefined ? [] : [`left alone: ignored by the rule in line ${rule.line} (${rule.reason})`];
}
