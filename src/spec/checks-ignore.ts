/** Ignore rules that would ignore nothing: an address that is none, a name that is not on the roster, no such day. */
import { KINDS, type Kind } from './address.ts';
import { EXPECTED } from './expectations.ts';
import { layoutOf } from './layout.ts';
import type { DataPath } from './problems.ts';
import { type CheckContext, knowsAllNames } from './roster-view.ts';
import { HOST_NAME, TENANT_NAME } from './schema-parts.ts';
import { nearest } from './suggest.ts';
import { holderOfFile, hostKey, socketName } from './written.ts';

interface Complaint {
  readonly detail: string;
  readonly remedy: string | null;
}

export function checkIgnoreRules(context: CheckContext): void {
  const rules = context.file.ignore ?? [];
  if (rules.length === 0) return;
  const names = namesByKind(context);
  for (const [i, rule] of rules.entries()) {
    const path: DataPath = ['ignore', i];
    const complaint = dangling(context, names, rule.target);
    if (complaint !== null && knowsAllNames(context)) {
      const unlessFaulty = [['tmux'], ['hosts'], ['tenants']];
      context.report({ code: 'ignores-nothing', path: [...path, 'target'], at: 'value', ...complaint, unlessFaulty });
    }
    if (rule.until !== undefined && !isDate(rule.until)) {
      const detail = `until: expected ${EXPECTED.until.text}, got ${JSON.stringify(rule.until)}`;
      context.report({ code: 'bad-value', path: [...path, 'until'], at: 'value', detail, remedy: null });
    }
  }
}

function namesByKind({ file, layout, agents }: CheckContext): Readonly<Record<Kind, ReadonlySet<string> | null>> {
  const { holderUnit, agentTemplate, agentUnit } = layoutOf(layout);
  const names = agents.map(({ written }) => written.name);
  const sockets = [file.tmux?.socket_name ?? file.tmux?.socketName, ...agents.map(({ merged }) => merged.socket)];
  return {
    session: new Set([...names, holderOfFile(file)]),
    unit: new Set([...names.map(agentUnit), holderUnit]),
    'unit-file': new Set([agentTemplate, holderUnit]),
    'env-file': new Set(names),
    heartbeat: new Set(names),
    // Whose it is may be known only on the host.
    linger: null,
    'tmux-server': new Set(sockets.map((socket) => socketName(socket) ?? 'default')),
  };
}

function dangling(context: CheckContext, names: ReturnType<typeof namesByKind>, target: string): Complaint | null {
  const words = target.split('/');
  const [a = '', b = '', c = '', d = ''] = words;
  if (words.length === 1) return unlessKnown(names.session, 'agent', a);
  if (words.length === 2) return danglingName(names, a, b);
  if (words.length === 4) return danglingPlace(context, a, b) ?? danglingName(names, c, d);
  return {
    detail: `target: expected AGENT, KIND/NAME or HOST/TENANT/KIND/NAME, got ${JSON.stringify(target)}`,
    remedy: null,
  };
}

function danglingName(names: ReturnType<typeof namesByKind>, kind: string, name: string): Complaint | null {
  const known = KINDS.find((k) => k === kind);
  if (known === undefined) {
    const near = nearest(kind, KINDS);
    return {
      detail: `${JSON.stringify(kind)} is no kind; expected one of ${KINDS.join(', ')}`,
      remedy: near && `did you mean ${near}/${name}?`,
    };
  }
  return name === '' ? { detail: `${kind}/ lacks a name`, remedy: null } : unlessKnown(names[known], known, name);
}

function unlessKnown(known: ReadonlySet<string> | null, what: string, name: string): Complaint | null {
  if (known === null || known.has(name)) return null;
  const near = nearest(name, known);
  return {
    detail: `the roster has no ${what} ${JSON.stringify(name)}`,
    remedy: near === null ? 'take the rule out' : `did you mean ${near}?`,
  };
}

function danglingPlace({ file, agents }: CheckContext, host: string, tenant: string): Complaint | null {
  if (!HOST_NAME.test(host)) return { detail: `${JSON.stringify(host)} is no host name`, remedy: null };
  if (!TENANT_NAME.test(tenant)) return { detail: `${JSON.stringify(tenant)} is no tenant name`, remedy: null };
  const hosts = new Set(
    [...Object.keys(file.hosts ?? {}), ...agents.flatMap(({ merged }) => merged.host ?? [])].map(hostKey),
  );
  const tenants = new Set(Object.keys(file.tenants ?? {}));
  // Without a list, this machine's name and this user's are meant, and are known only there.
  return (
    (hosts.size === 0 ? null : unlessKnown(hosts, 'host', hostKey(host))) ??
    (tenants.size === 0 ? null : unlessKnown(tenants, 'tenant', tenant))
  );
}

/** A day that exists, or an RFC 3339 date and time. */
function isDate(text: string): boolean {
  const found = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|[+-](\d{2}):(\d{2})))?$/.exec(
    text,
  );
  if (found === null) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zoneHour = 0, zoneMinute = 0] = found
    .slice(1)
    .map((digits) => Number(digits ?? 0));
  const date = new Date(Date.UTC(year, month - 1, day));
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return exists && hour < 24 && minute < 60 && second <= 60 && zoneHour < 24 && zoneMinute < 60;
}
