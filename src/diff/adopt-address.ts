/** Which rules an address that is to be taken over falls under. */
import { type Adoption, NOTHING } from './adoption.ts';
import { adoptEnvFile, adoptUnit, adoptUnitFile } from './adoption-files.ts';
import { adoptSession } from './adoption-session.ts';
import type { PlanContext } from './context.ts';
import { findOrphans, type Part, partsOf } from './orphan.ts';
import { subjectOf } from './subject.ts';

/** Null where nothing here is called that. `target`: an agent's name, `kind/name`, or a full address of this place. */
export function adoptionOf(ctx: PlanContext, target: string): Adoption | null {
  const part = partNamed(ctx, target);
  if (part !== null) return adoptPart(ctx, part);
  if (target.includes('/')) return null;
  const parts = partsOfAgent(ctx, target);
  return parts === null ? null : join(parts.map((p) => adoptPart(ctx, p)));
}

/** `kind/name` and full addresses of this host and tenant; null for all else. */
export function partNamed(ctx: PlanContext, target: string): Part | null {
  const own = `${ctx.host}/${ctx.tenant}/`;
  const short = target.startsWith(own) ? target.slice(own.length) : target;
  const slash = short.indexOf('/');
  const name = short.slice(slash + 1);
  if (slash < 0 || name === '' || name.includes('/')) return null;
  const kind = ADOPTABLE.find((k) => k === short.slice(0, slash));
  return kind === undefined ? null : { kind, name };
}

/** What is there of an agent; null where there is no such agent, on the roster or off it. */
function partsOfAgent(ctx: PlanContext, name: string): readonly Part[] | null {
  const agent = ctx.agentNamed(name);
  if (agent === undefined) {
    const orphan = findOrphans(ctx).find((o) => o.agent === name);
    if (orphan === undefined) return null;
    const session: Part = { kind: 'session', name };
    const there = partsOf(ctx, orphan);
    // In layout mosaic its session bears no mark yet: whether there is one to take is for the session's own rules.
    const unmarked = !ctx.launcher && !there.some((p) => p.kind === 'session') && sessionNamed(ctx, name);
    return unmarked ? [session, ...there] : there;
  }
  const unit = ctx.layout.agentUnit(name);
  const loaded = ctx.systemd && ctx.units?.units[unit]?.load_state === 'loaded';
  const { files } = ctx;
  return [
    ...(subjectOf(ctx, agent).kind === 'absent' ? [] : [{ kind: 'session', name } as const]),
    ...(loaded ? [{ kind: 'unit', name: unit } as const] : []),
    ...(files?.env_files[name]?.state === 'present' ? [{ kind: 'env-file', name } as const] : []),
    ...(files?.argv_files[name]?.state === 'present' ? [{ kind: 'env-file', name: `${name}.argv` } as const] : []),
  ];
}

function sessionNamed(ctx: PlanContext, name: string): boolean {
  const { tmux } = ctx.observed.sources;
  const servers = tmux.status === 'known' ? tmux.value.servers : [];
  return servers.some(({ server }) => server.state === 'running' && server.sessions.some((s) => s.name === name));
}

const ADOPTABLE = ['session', 'unit', 'unit-file', 'env-file'] as const;

function adoptPart(ctx: PlanContext, part: Part): Adoption {
  switch (part.kind) {
    case 'session':
      return adoptSession(ctx, part.name);
    case 'unit':
      return adoptUnit(ctx, part.name);
    case 'unit-file':
      return adoptUnitFile(ctx, part.name);
    case 'env-file':
      return adoptEnvFile(ctx, part.name);
    case 'heartbeat':
    case 'linger':
    case 'tmux-server':
      return NOTHING;
  }
}

function join(all: readonly Adoption[]): Adoption {
  return {
    takes: all.flatMap((a) => a.takes),
    already: all.flatMap((a) => a.already),
    refused: all.flatMap((a) => a.refused),
  };
}
