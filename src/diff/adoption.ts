/**
 * What `fleet adopt ADDR` takes over, and what it refuses: a decision like the plan's, pure and about one moment. To
 * adopt ends nothing and restarts nothing; from then on the thing is ours, and may be repaired, restarted and pruned.
 */
import type { Kind } from '../spec/address.ts';
import { addressOf, type PlanContext } from './context.ts';
import type { Part } from './orphan.ts';
import type { Guard, SessionIdentity } from './plan.ts';
import type { OwnedRecord, RememberedSession } from './policy.ts';

export interface Taking {
  readonly address: string;
  readonly kind: Kind;
  readonly name: string;
  /** For people: what it is, and what will be different. */
  readonly evidence: readonly string[];
  /** `since` is the moment of the taking. */
  readonly record: Omit<OwnedRecord, 'since'>;
  readonly session: SessionTaking | null;
}

export interface SessionTaking {
  readonly identity: SessionIdentity;
  readonly agent: string;
  /** False where it bears our mark already. */
  readonly marks: boolean;
  /** Id of the agent's pane (`%n`), where one can be told. */
  readonly pane: string | null;
  readonly remembered: RememberedSession;
}

export interface Refusal {
  readonly address: string;
  /** `absent`: there is no such thing to take over. */
  readonly guard: Guard | 'absent';
  readonly evidence: readonly string[];
  /** The command or edit that helps. */
  readonly remedy: string;
}

export interface Adoption {
  readonly takes: readonly Taking[];
  /** Ours already: nothing is done. */
  readonly already: readonly string[];
  /** With any of these nothing is taken. */
  readonly refused: readonly Refusal[];
}

export const NOTHING: Adoption = { takes: [], already: [], refused: [] };

export function refuses(ctx: PlanContext, part: Part, what: Omit<Refusal, 'address'>): Adoption {
  return { ...NOTHING, refused: [{ address: addressOf(ctx, part.kind, part.name), ...what }] };
}

export function isOurs(ctx: PlanContext, part: Part): Adoption {
  return { ...NOTHING, already: [addressOf(ctx, part.kind, part.name)] };
}

interface Take {
  readonly agent: string | null;
  readonly evidence: readonly string[];
  readonly content?: string;
  readonly session?: SessionTaking;
}

export function takes(ctx: PlanContext, { kind, name }: Part, { agent, evidence, content, session }: Take): Adoption {
  const key = `${kind}/${name}`;
  const known = Object.hasOwn(ctx.memory.owned, key) ? ctx.memory.owned[key] : undefined;
  const protect = ctx.agentNamed(agent ?? '')?.protect ?? known?.protect ?? false;
  const how = { how: 'adopted', state: 'made', protect, plan: null, content: content ?? null } as const;
  const record = { kind, name, agent, ...how };
  return {
    ...NOTHING,
    takes: [{ address: addressOf(ctx, kind, name), kind, name, evidence, record, session: session ?? null }],
  };
}
