/**
 * What `fleet forget ADDR` lets go of: the inventory's records, and the mark of a session. Nothing ends and no file
 * changes; what is on the roster still is managed by apply where it needs no adopting, and the rest is nobody's.
 */
import type { Kind } from '../spec/address.ts';
import { partNamed } from './adopt-address.ts';
import type { Refusal } from './adoption.ts';
import { fleetCommand } from './command-line.ts';
import { addressOf, type PlanContext } from './context.ts';
import { agentOfSession, findOrphans, type Part, partsOf } from './orphan.ts';
import { recordFor, recordsOf } from './owned.ts';
import type { SessionIdentity } from './plan.ts';
import type { OwnedRecord } from './policy.ts';
import { describeRecorded, recordedServer } from './recorded-server.ts';
import { identityOf, type LiveSubject } from './subject.ts';
import { unseenServers } from './unseen-servers.ts';

export interface LettingGo {
  readonly address: string;
  readonly kind: Kind;
  readonly name: string;
  readonly agent: string | null;
  /**
   * What is written in the record's place: null, nothing. Of an agent off the roster whose files still bear our mark, that
   * it was let go of: else the mark alone would make it ours again. `since` is the moment of it.
   */
  readonly record: Omit<OwnedRecord, 'since'> | null;
  /** Sessions whose mark is taken away. */
  readonly unmark: readonly { readonly name: string; readonly identity: SessionIdentity }[];
}

export interface Forgetting {
  readonly goes: readonly LettingGo[];
  readonly refused: readonly Refusal[];
}

/** Null where nothing here is called that; nothing to go where there is neither record nor mark. */
export function forgettingOf(ctx: PlanContext, target: string): Forgetting | null {
  const one = partNamed(ctx, target);
  if (one !== null) return forgetParts(ctx, [one]);
  if (target.includes('/')) return null;
  const orphan = findOrphans(ctx).find((o) => o.agent === target);
  const recorded = recordsOf(ctx.memory, target).map(({ kind, name }): Part => ({ kind, name }));
  if (orphan === undefined && ctx.agentNamed(target) === undefined && recorded.length === 0) return null;
  const there = orphan === undefined ? [] : partsOf(ctx, orphan);
  const session: Part = { kind: 'session', name: target };
  const all = [session, ...recorded, ...there];
  const unique = all.filter((p, i) => all.findIndex((q) => q.kind === p.kind && q.name === p.name) === i);
  return forgetParts(ctx, unique);
}

function forgetParts(ctx: PlanContext, parts: readonly Part[]): Forgetting {
  const found = parts.map((part) => forgetPart(ctx, part));
  return { goes: found.flatMap((f) => f.goes), refused: found.flatMap((f) => f.refused) };
}

function forgetPart(ctx: PlanContext, part: Part): Forgetting {
  const hidden = part.kind === 'session' ? unseenBecause(ctx, part.name) : null;
  if (hidden !== null) return { goes: [], refused: [unseen(ctx, part, hidden)] };
  const sessions = part.kind === 'session' ? marked(ctx, part.name) : [];
  const agent = agentOf(ctx, part);
  const orphan = agent === null ? undefined : findOrphans(ctx).find((o) => o.agent === agent);
  const there = orphan !== undefined && partsOf(ctx, orphan).some((p) => p.kind === part.kind && p.name === part.name);
  const recorded = recordFor(ctx.memory, part.kind, part.name) !== null;
  if (!recorded && !there && sessions.length === 0) return { goes: [], refused: [] };
  const tombstone = { how: 'forgotten', state: 'made', protect: false, plan: null, content: null } as const;
  const address = addressOf(ctx, part.kind, part.name);
  const unmark = sessions.map((subject) => ({ name: subject.session.name, identity: identityOf(subject) }));
  // A session that is started again by its unit, still enabled, bears the mark of the launcher.
  const record = orphan === undefined || agent === null ? null : { ...part, agent, ...tombstone };
  return { goes: [{ address, ...part, agent, record, unmark }], refused: [] };
}

function agentOf(ctx: PlanContext, { kind, name }: Part): string | null {
  const recorded = recordFor(ctx.memory, kind, name)?.agent;
  if (recorded !== undefined) return recorded;
  if (kind === 'session') return name;
  if (kind === 'unit') return ctx.layout.agentOfUnit(name);
  return kind === 'env-file' ? name.replace(/\.argv$/, '') : null;
}

/** Why its session may bear our mark where nobody looked; null where every one was seen. */
function unseenBecause(ctx: PlanContext, agent: string): string | null {
  const { tmux } = ctx.observed.sources;
  if (tmux.status === 'unknown') return `tmux: ${tmux.detail}`;
  const blind = unseenServers(tmux.value);
  if (blind !== null) return `${blind.place}: ${blind.detail}`;
  const where = recordedServer(ctx, agent);
  // To let go of what an apply that died only meant to make is a way out, where nobody can tell whether it did.
  return where.kind === 'perhaps' ? null : describeRecorded(where);
}

/** Sessions with our mark that name this agent. */
function marked(ctx: PlanContext, agent: string): readonly LiveSubject[] {
  const { tmux } = ctx.observed.sources;
  const servers = tmux.status === 'known' ? tmux.value.servers : [];
  return servers.flatMap((seen): readonly LiveSubject[] => {
    const { server, socket } = seen;
    if (server.state !== 'running') return [];
    const own = server.sessions.filter((s) => s.mark !== null && agentOfSession(ctx, seen, s) === agent);
    return own.map((session) => ({
      kind: 'session',
      session,
      server: { socket, pid: server.pid, start: server.start },
    }));
  });
}

function unseen(ctx: PlanContext, part: Part, detail: string): Refusal {
  const explain = fleetCommand(ctx.roster, 'explain', `${part.kind}/${part.name}`);
  const remedy = `mend that (${explain} shows it), then: ${fleetCommand(ctx.roster, 'forget', `${part.kind}/${part.name}`)}`;
  const evidence = [`a session of it may bear fleet's mark where it cannot be seen: ${detail}`];
  return { address: addressOf(ctx, part.kind, part.name), guard: 'unobserved', evidence, remedy };
}
