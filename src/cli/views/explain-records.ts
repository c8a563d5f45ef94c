/** `fleet explain` as data (`fleet.explain`, format 1.0): each address, what was read about it, each verdict. Pure. */
import { fleetCommand } from '../../diff/command-line.ts';
import { seenContext } from '../../diff/context.ts';
import type { Plan } from '../../diff/plan.ts';
import type { PlanMemory } from '../../diff/policy.ts';
import { standingOf } from '../../diff/standing.ts';
import { matchesTarget } from '../../diff/target.ts';
import type { Observed } from '../../observe/state.ts';
import { type Address, formatAddress, type Kind, parseAddress } from '../../spec/address.ts';
import { layoutOf } from '../../spec/layout.ts';
import type { Roster } from '../../spec/model.ts';
import { type Fact, factsAbout } from './explain-facts.ts';

export interface ExplainDocument {
  readonly format_version: '1.0';
  readonly kind: 'fleet.explain';
  readonly target: string;
  readonly observed_at: string;
  readonly records: readonly ExplainRecord[];
}

export interface ExplainRecord {
  readonly address: string;
  readonly agent: string | null;
  readonly facts: readonly Fact[];
  /** Empty: as wanted. */
  readonly verdicts: readonly Verdict[];
}

export interface Verdict {
  /** `seen`: not as the roster has it, and no row of the plan for this address: another one speaks, or none is to. */
  readonly bucket: 'change' | 'deferred' | 'blocked' | 'unknown' | 'warning' | 'unmanaged' | 'ignored' | 'seen';
  /** `restart: runtime-mismatch`, or why it is left alone. */
  readonly says: string;
  readonly evidence: readonly string[];
  readonly remedy: string | null;
  /** `file:line:col` of the roster. */
  readonly source: string | null;
}

interface Entry extends Verdict {
  readonly address: string;
  readonly agent: string | null;
}

export interface ExplainInput {
  readonly target: string;
  readonly roster: Roster;
  readonly observed: Observed;
  readonly memory: PlanMemory;
  readonly plan: Plan;
}

export function buildExplain(input: ExplainInput): ExplainDocument {
  const { target, roster, observed, plan } = input;
  const entries = entriesOf(plan);
  const records = allAddresses(roster, observed, entries).filter((r) => matchesTarget(target, r.address, r.agent));
  return {
    format_version: '1.0',
    kind: 'fleet.explain',
    target,
    observed_at: observed.observed_at,
    records: records.map(({ address, agent }) => {
      const told = entries
        .filter((e) => e.address === address)
        .map(({ address: _a, agent: _b, ...verdict }) => verdict);
      const verdicts = told.length > 0 ? told : seenDown(address, agent, input, entries);
      return { address, agent, facts: facts(address, agent, roster, observed), verdicts };
    }),
  };
}

/** Of a session that no row of the plan is about: its agent may be down all the same. */
function seenDown(
  address: string,
  agent: string | null,
  { roster, observed, memory }: ExplainInput,
  entries: readonly Entry[],
): readonly Verdict[] {
  const spec = roster.agents.find((a) => a.name === agent);
  if (spec === undefined || parseAddress(address)?.kind !== 'session') return [];
  const standing = standingOf(seenContext({ roster, observed, memory }), spec);
  if (standing.stands === 'up') return [];
  const { reason } = standing;
  const bucket = reason === 'unobserved' ? 'unknown' : 'seen';
  const speaks = entries.find((e) => e.agent === agent && parseAddress(e.address)?.kind === 'unit');
  const remedy = speaks === undefined ? null : fleetCommand(roster, 'explain', speaks.address);
  const wish = spec.manage === 'enforce' ? [] : [`manage: ${spec.manage}`];
  return [{ bucket, says: reason, evidence: [...standing.evidence, ...wish], remedy, source: null }];
}

/** Everything that has an address here: what the roster names, what was seen, what the plan speaks of. */
export function addressesIn(roster: Roster, observed: Observed, plan: Plan): readonly Named[] {
  return allAddresses(roster, observed, entriesOf(plan));
}

/** Whatever a person may write, for the nearest right word. */
export function explainable(roster: Roster, observed: Observed, plan: Plan): readonly string[] {
  const all = addressesIn(roster, observed, plan);
  const short = all.map((r) => r.address.split('/').slice(2).join('/'));
  return [...roster.agents.map((a) => a.name), ...short, ...all.map((r) => r.address)];
}

/** Whether fleet's own launcher starts its agents. */
const launches = ({ layout, supervisor }: Roster): boolean => layout === 'fleet' || supervisor === 'none';

export type Named = Pick<Entry, 'address' | 'agent'>;

function allAddresses(roster: Roster, observed: Observed, entries: readonly Entry[]): readonly Named[] {
  const layout = layoutOf(roster.layout);
  const at = (kind: Kind, name: string, agent: string | null): Named => ({
    address: formatAddress({ host: observed.host, tenant: observed.tenant, kind, name }),
    agent,
  });
  const systemd = roster.supervisor === 'systemd';
  const looked = observed.sources.files.status === 'known' ? observed.sources.files.value : null;
  const argvFile = (agent: string): boolean => looked !== null && Object.hasOwn(looked.argv_files, agent);
  const agents = roster.agents.flatMap((a) => [
    at('session', a.name, a.name),
    ...(systemd ? [at('unit', layout.agentUnit(a.name), a.name)] : []),
    at('env-file', a.name, a.name),
    ...(argvFile(a.name) ? [at('env-file', `${a.name}.argv`, a.name)] : []),
    at('heartbeat', a.name, a.name),
  ]);
  const { linger, tmux, files } = observed.sources;
  const shared = [
    ...(tmux.status === 'known' ? tmux.value.servers.map((s) => at('tmux-server', s.socket, null)) : []),
    ...(systemd ? [at('unit', layout.holderUnit, null)] : []),
    ...(systemd && linger.status === 'known' ? [at('linger', linger.value.user, null)] : []),
    ...(looked === null || !launches(roster) ? [] : [at('env-file', 'fleet.launch', null)]),
    ...(systemd && files.status === 'known'
      ? Object.keys(files.value.unit_files).map((f) => at('unit-file', f, null))
      : []),
  ];
  const all = new Map<string, Named>();
  for (const named of [...agents, ...shared, ...entries]) {
    if (!all.has(named.address)) all.set(named.address, { address: named.address, agent: named.agent });
  }
  return [...all.values()];
}

function facts(text: string, agent: string | null, roster: Roster, observed: Observed): readonly Fact[] {
  const address: Address | null = parseAddress(text);
  if (address === null || address.host !== observed.host || address.tenant !== observed.tenant) return [];
  const spec = roster.agents.find((a) => a.name === agent);
  const socket = spec === undefined ? roster.tmux.socketName : spec.socket;
  return factsAbout(address, socket ?? 'default', observed);
}

function entriesOf(plan: Plan): readonly Entry[] {
  const source = (s: { readonly file: string; readonly line: number; readonly col: number } | null): string | null =>
    s === null ? null : `${s.file}:${s.line}:${s.col}`;
  const none = { evidence: [], remedy: null, source: null } as const;
  return [
    ...plan.changes.map(
      (c): Entry => ({
        ...none,
        bucket: 'change',
        address: c.address,
        agent: c.agent,
        says: `${c.action}: ${c.reason}`,
        evidence: c.evidence,
        source: source(c.source),
      }),
    ),
    ...plan.deferred.map(
      (c): Entry => ({
        bucket: 'deferred',
        address: c.address,
        agent: c.agent,
        says: `${c.action}: ${c.reason}, deferred: ${c.why}`,
        evidence: c.evidence,
        remedy: c.remedy,
        source: source(c.source),
      }),
    ),
    ...plan.blocked.map(
      (b): Entry => ({
        bucket: 'blocked',
        address: b.address,
        agent: b.agent,
        says: b.reason === b.guard ? `blocked: ${b.guard}` : `${b.reason}, blocked: ${b.guard}`,
        evidence: b.evidence,
        remedy: b.remedy,
        source: source(b.source),
      }),
    ),
    ...plan.unknown.map(
      (u): Entry => ({
        ...none,
        bucket: 'unknown',
        address: u.address,
        agent: u.agent,
        says: `unobserved: ${u.why}`,
        evidence: [u.detail],
      }),
    ),
    ...plan.warnings.map(
      (w): Entry => ({
        ...none,
        bucket: 'warning',
        address: w.address,
        agent: w.agent,
        says: w.reason,
        evidence: w.evidence,
      }),
    ),
    ...plan.unmanaged.map(
      (u): Entry => ({ ...none, bucket: 'unmanaged', address: u.address, agent: null, says: u.why }),
    ),
    ...plan.ignored.map(
      (i): Entry => ({
        ...none,
        bucket: 'ignored',
        address: i.address,
        agent: null,
        says:
          i.pause === undefined ? `${i.reason}, ignored: ${i.rule.reason}` : pauseSays(i.reason, i.pause.by, i.rule),
        source: i.pause === undefined ? `${plan.roster.path}:${i.rule.line}` : null,
      }),
    ),
  ];
}

function pauseSays(
  reason: string,
  by: string,
  rule: { readonly reason: string; readonly until: string | null },
): string {
  const until = rule.until === null ? '' : ` until ${rule.until}`;
  return `${reason === 'paused' ? '' : `${reason}, `}paused by ${by}${until}: ${rule.reason}`;
}
