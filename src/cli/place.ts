/**
 * Who "here" is in the roster's words, and which agents that leaves for elsewhere. This version acts on this machine
 * and this user alone. Source: docs/contract.md, sections 1 and 2.
 */
import { kept } from '../spec/kept.ts';
import type { AgentSpec, Roster } from '../spec/model.ts';
import { err, ok, type Result } from '../spec/result.ts';
import { nearest } from '../spec/suggest.ts';
import type { Failure } from './command.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';

export interface Place {
  /** As in addresses. */
  readonly host: string;
  readonly tenant: string;
}

export interface Elsewhere extends Place {
  readonly agents: readonly AgentSpec[];
  /** Why this version does not look there, and what to do instead. */
  readonly why: string;
}

export interface Scope {
  /** Every agent with its host and tenant filled in, in one spelling for those of `here`. */
  readonly roster: Roster;
  /** The same with the agents of `here` alone. */
  readonly local: Roster;
  /** In scope, but out of reach. */
  readonly elsewhere: readonly Elsewhere[];
}

export interface Narrowing {
  readonly host: string | null;
  readonly tenant: string | null;
}

type Machine = Pick<Context, 'hostname' | 'user'>;

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** The roster's own spelling where it names this machine, else the host name up to its first dot. */
export function hereIn(roster: Pick<Roster, 'hosts' | 'tenants'>, machine: Machine): Place {
  const short = machine.hostname.split('.')[0] ?? machine.hostname;
  const hosts = Object.values(roster.hosts);
  const host = hosts.find((h) => same(h.name, machine.hostname)) ?? hosts.find((h) => same(h.name, short));
  const tenant = Object.values(roster.tenants).find((t) => t.user === machine.user.name);
  return { host: host?.name ?? short.toLowerCase(), tenant: tenant?.name ?? machine.user.name };
}

/** `here` is this machine and user, or where a saved observation was made. */
export function scopeOf(roster: Roster, here: Place, machine: Machine, narrowing: Narrowing): Result<Scope, Failure> {
  const unknown = unknownName(roster, here, narrowing);
  if (unknown !== null) return err(unknown);
  const wanted = (p: Place): boolean =>
    (narrowing.host === null || same(p.host, narrowing.host)) &&
    (narrowing.tenant === null || p.tenant === narrowing.tenant);
  const isHere = (p: Place): boolean => same(p.host, here.host) && p.tenant === here.tenant;
  const placed = roster.agents.map((agent) => placeOf(agent, here));
  const local = placed.filter(isHere);
  if (!wanted(here)) return err(outOfReach(here, narrowing, machine));
  if (local.length === 0 && placed.length > 0) return err(nobodyHere(here, machine, placed));
  const away = placed.filter((p) => !isHere(p) && wanted(p));
  const filled = (p: Placed): AgentSpec => ({ ...p.agent, ...(isHere(p) ? here : { host: p.host, tenant: p.tenant }) });
  return ok({
    roster: { ...roster, agents: placed.map(filled) },
    local: { ...roster, agents: local.map(filled) },
    elsewhere: groupElsewhere(away, here, machine),
  });
}

export type ScopeHere = (roster: Roster) => Result<Scope, Failure>;

/** All that is here, of one roster after the other: of one that is as before the very same. */
export function scopeHere(here: Place, machine: Machine): ScopeHere {
  const last = kept<null, Result<Scope, Failure>>();
  return (roster) => last.of(null, [roster], () => scopeOf(roster, here, machine, { host: null, tenant: null }));
}

interface Placed extends Place {
  readonly agent: AgentSpec;
}

function placeOf(agent: AgentSpec, here: Place): Placed {
  return { agent, host: agent.host ?? here.host, tenant: agent.tenant ?? here.tenant };
}

function groupElsewhere(placed: readonly Placed[], here: Place, machine: Machine): readonly Elsewhere[] {
  const groups = new Map<string, Elsewhere>();
  for (const { agent, host, tenant } of placed) {
    const key = `${host.toLowerCase()}/${tenant}`;
    const before = groups.get(key);
    const agents = [...(before?.agents ?? []), agent];
    groups.set(
      key,
      before ? { ...before, agents } : { host, tenant, agents, why: whyNot({ host, tenant }, here, machine) },
    );
  }
  return [...groups.values()];
}

function whyNot(there: Place, here: Place, machine: Machine): string {
  if (!same(there.host, here.host)) {
    return `${there.host} is another machine than this one (${machine.hostname}); this version of fleet acts on its own machine only: run it there`;
  }
  return `${there.tenant} is another user than this one (${machine.user.name}); this version of fleet acts for its own user only: run it as that user`;
}

function nobodyHere(here: Place, machine: Machine, placed: readonly Place[]): Failure {
  const places = [...new Set(placed.map((p) => `${p.host}/${p.tenant}`))].join(', ');
  return {
    code: EXIT.error,
    message: `no agent of this roster is for this machine and user (${here.host}/${here.tenant}): they are for ${places}`,
    remedy: `run fleet there, as that user; or name this machine in the roster by its host name, ${machine.hostname}`,
  };
}

function outOfReach(here: Place, narrowing: Narrowing, machine: Machine): Failure {
  const there = { host: narrowing.host ?? here.host, tenant: narrowing.tenant ?? here.tenant };
  return { code: EXIT.incomplete, message: `nothing was looked at: ${whyNot(there, here, machine)}`, remedy: null };
}

function unknownName(roster: Roster, here: Place, narrowing: Narrowing): Failure | null {
  const hosts = [here.host, ...Object.values(roster.hosts).map((h) => h.name)];
  if (narrowing.host !== null && !hosts.some((h) => same(h, narrowing.host ?? ''))) {
    return notKnown('host', narrowing.host, hosts);
  }
  const tenants = [here.tenant, ...Object.values(roster.tenants).map((t) => t.name)];
  if (narrowing.tenant !== null && !tenants.includes(narrowing.tenant)) {
    return notKnown('tenant', narrowing.tenant, tenants);
  }
  return null;
}

function notKnown(what: 'host' | 'tenant', name: string, known: readonly string[]): Failure {
  const near = nearest(name, known);
  const remedy = near === null ? `it knows ${[...new Set(known)].join(', ')}` : `did you mean --${what} ${near}?`;
  return { code: EXIT.usage, message: `the roster knows no ${what} '${name}'`, remedy };
}
