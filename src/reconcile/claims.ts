/**
 * What a change makes ours, and what it ends: the inventory's records before its effect (all that may be ours then) and
 * after it (all that is).
 */
import type { Change } from '../diff/plan.ts';
import type { OwnedRecord, PlanMemory, RememberedSession } from '../diff/policy.ts';
import { formerFileSpec } from '../diff/spec-drift.ts';
import { type Kind, parseAddress } from '../spec/address.ts';
import { type ApplyContext, agentNamed } from './context.ts';
import type { RecordChanges } from './journal-format.ts';

export type ClaimContext = Pick<ApplyContext, 'agents' | 'layout' | 'systemd' | 'launcher' | 'plan' | 'planId'>;

export interface Claim {
  readonly kind: Kind;
  readonly name: string;
  readonly agent: string | null;
}

/** To be on the disk before the effect: what is ours already stays as it is. */
export function intendedBy(ctx: ClaimContext, change: Change, memory: PlanMemory, since: string): RecordChanges {
  const owned = makes(ctx, change).flatMap((claim) => {
    const known = memory.owned[keyOf(claim)];
    const ours = known !== undefined && known.how !== 'forgotten';
    // A session that is started is another one than the one before, and known when it is seen.
    if (ours && !(claim.kind === 'session' && change.kind === 'session')) return [];
    return [[keyOf(claim), { ...recordOf(ctx, claim, memory, since), state: 'intended', since }] as const];
  });
  const session = startedFromFile(ctx, change, memory);
  const sessions = session === null ? {} : { [session.agent]: session };
  return { owned: Object.fromEntries(owned), sessions };
}

/**
 * What the effect made ours, and what it took away. `last`: no later change of this plan is about the same thing, whose
 * record is needed until all of it is gone.
 */
export function madeBy(
  ctx: ClaimContext,
  change: Change,
  memory: PlanMemory,
  about: { readonly since: string; readonly last: boolean },
): RecordChanges {
  const made = makes(ctx, change)
    // A unit that is started brings a session up where there is none: that is known when it is seen.
    .filter((claim) => claim.kind !== 'session' || change.kind === 'session')
    .map((claim) => [keyOf(claim), recordOf(ctx, claim, memory, about.since)] as const)
    .filter(([key, claimed]) => !sameRecord(memory.owned[key], claimed));
  const ended = about.last ? ends(ctx, change) : null;
  if (ended === null) return { owned: Object.fromEntries(made) };
  const key = keyOf(ended);
  const known = memory.owned[key] === undefined ? [] : [[key, null] as const];
  const { kind, name, agent } = ended;
  // Of an agent on the roster that ran once for all, that is remembered.
  const over = agentNamed(ctx, agent) === null || memory.sessions[name]?.done === false;
  const session = kind === 'session' && over && memory.sessions[name] !== undefined;
  return { owned: Object.fromEntries([...made, ...known]), sessions: session ? { [name]: null } : {} };
}

/** The session that was seen to have been started by this change. */
export function sessionMade(ctx: ClaimContext, agent: string, memory: PlanMemory, since: string): RecordChanges {
  const claim: Claim = { kind: 'session', name: agent, agent };
  const made = recordOf(ctx, claim, memory, since);
  return sameRecord(memory.owned[keyOf(claim)], made) ? {} : { owned: { [keyOf(claim)]: made } };
}

function makes(ctx: ClaimContext, change: Change): readonly Claim[] {
  const { kind, action, agent } = change;
  const name = parseAddress(change.address)?.name ?? '';
  const starts = action === 'start' || action === 'restart';
  const itself: Claim = { kind, name, agent };
  switch (kind) {
    case 'session':
      if (!starts || agent === null) return [];
      return ctx.systemd ? [itself, { kind: 'unit', name: ctx.layout.agentUnit(agent), agent }] : [itself];
    case 'unit':
      if (action === 'enable') return [itself];
      if (!starts) return [];
      return agent === null ? [itself] : [itself, { kind: 'session', name: agent, agent }];
    case 'unit-file':
    case 'env-file':
      return action === 'create' || action === 'update' ? [itself] : [];
    case 'tmux-server':
      if (action === 'create') return [itself];
      if (!starts) return [];
      return ctx.systemd ? [itself, { kind: 'unit', name: ctx.layout.holderUnit, agent: null }] : [itself];
    case 'linger':
    case 'heartbeat':
      return [];
  }
}

/** Of an agent on the roster only what is gone: its unit may be stopped and disabled, and is its unit still. */
function ends(ctx: ClaimContext, change: Change): Claim | null {
  const { kind, action, agent } = change;
  const ended = action === 'destroy' || (kind === 'session' && action === 'stop');
  const orphan = change.stage === 6 && kind === 'unit' && (action === 'stop' || action === 'disable');
  if (!ended && !(orphan && agentNamed(ctx, agent) === null)) return null;
  return { kind, name: parseAddress(change.address)?.name ?? '', agent };
}

/**
 * Layout mosaic tells what a session was started from by its env file, as long as that is older. Before fleet changes
 * the file it writes down what the file was to the session that this plan restarts, now or when it may.
 */
function startedFromFile(ctx: ClaimContext, change: Change, memory: PlanMemory): RememberedSession | null {
  const { kind, agent, precondition } = change;
  if (ctx.launcher || kind !== 'env-file' || agent === null || agentNamed(ctx, agent) === null) return null;
  const restarts = (c: Change) => c.kind === 'session' && c.action === 'restart' && c.agent === agent;
  const session = [...ctx.plan.changes, ...ctx.plan.deferred].find(restarts)?.precondition.session;
  if (!session || typeof precondition.file_sha256 !== 'string') return null;
  const { server, id, created } = session;
  const { socket, pid, start } = server;
  const known = memory.sessions[agent];
  if (known?.server.pid === pid && known.server.start === start && known.id === id && known.spec !== null) return null;
  const spec = formerFileSpec(precondition.file_sha256);
  const boot_id = ctx.plan.hosts.find((host) => host.name === change.host)?.boot_id ?? null;
  return { agent, socket, server: { pid, start }, id, created, spec, boot_id, done: false, plan: ctx.planId };
}

/** As it is once it has been made. A person's letting go of it holds until then. */
function recordOf(ctx: ClaimContext, { kind, name, agent }: Claim, memory: PlanMemory, since: string): OwnedRecord {
  const known = memory.owned[`${kind}/${name}`];
  const protect = agentNamed(ctx, agent)?.protect ?? known?.protect ?? false;
  const made = { state: 'made', protect, plan: ctx.planId } as const;
  if (known === undefined || known.how === 'forgotten') {
    return { kind, name, agent, how: 'made', state: 'made', protect, since, plan: ctx.planId, content: null };
  }
  return { ...known, agent: agent ?? known.agent, ...made };
}

export const keyOf = ({ kind, name }: Pick<Claim, 'kind' | 'name'>): string => `${kind}/${name}`;

export function sameRecord(a: OwnedRecord | undefined, b: OwnedRecord): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
