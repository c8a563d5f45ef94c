/**
 * Whether what is left of an agent may go: only where it is ours by mark and by the inventory, where all of it was seen,
 * and where nothing of somebody else's would go with it. It goes whole or not at all.
 */
import { fleetCommand } from './command-line.ts';
import type { PlanContext } from './context.ts';
import { blocked, type Finding, unobserved } from './finding.ts';
import { type Orphan, type Part, partsOf, socketsOf } from './orphan.ts';
import { isForgotten, recordFor, recordsOf } from './owned.ts';
import type { Guard } from './plan.ts';
import { describeRecorded, recordedServer } from './recorded-server.ts';
import type { LiveSubject } from './subject.ts';
import { unseenServers } from './unseen-servers.ts';
import { whoseArgvFile, whoseUnit, whoseUnitFile } from './whose-files.ts';

/** Null where it may go. */
export function keptBecause(ctx: PlanContext, orphan: Orphan): readonly Finding[] | null {
  const parts = partsOf(ctx, orphan);
  const kept = parts.length === 0 ? null : protectedOne(ctx, orphan, parts);
  if (kept !== null) return [kept];
  const unseen = unseenOf(ctx, orphan);
  if (unseen.length > 0) return unseen;
  if (parts.length === 0) return [];
  const why =
    foreignServer(ctx, orphan) ??
    severalSessions(ctx, orphan) ??
    renamed(ctx, orphan) ??
    sessionInTheWay(ctx, orphan) ??
    serverInside(ctx, orphan) ??
    foreignFiles(ctx, orphan) ??
    masked(ctx, orphan) ??
    unrecorded(ctx, orphan, parts);
  return why === null ? null : [why];
}

/** All of it was let go of by a person, marks and all. */
export function isLetGo(ctx: PlanContext, orphan: Orphan): boolean {
  const parts = partsOf(ctx, orphan);
  const noRecord = recordsOf(ctx.memory, orphan.agent).length === 0;
  return noRecord && parts.some(({ kind, name }) => isForgotten(ctx.memory, kind, name));
}

function refuse(
  ctx: PlanContext,
  part: Part,
  agent: string,
  what: { readonly guard: Guard; readonly evidence: readonly string[]; readonly remedy: string },
): Finding {
  const reason = part.kind === 'session' ? 'orphan-session' : 'orphan-unit';
  const evidence = [`${agent} is not on the roster`, ...what.evidence];
  const finding = blocked(ctx, part.kind, part.name, null, {
    reason,
    guard: what.guard,
    evidence,
    remedy: what.remedy,
  });
  return finding.bucket === 'blocked' ? { ...finding, blocked: { ...finding.blocked, agent } } : finding;
}

const SESSION = (orphan: Orphan): Part => ({ kind: 'session', name: orphan.sessions[0]?.session.name ?? orphan.agent });

function firstPart(orphan: Orphan, parts: readonly Part[]): Part {
  return orphan.sessions.length > 0 ? SESSION(orphan) : (parts[0] ?? SESSION(orphan));
}

function protectedOne(ctx: PlanContext, orphan: Orphan, parts: readonly Part[]): Finding | null {
  const { agent } = orphan;
  const record = recordsOf(ctx.memory, agent).find((r) => r.protect);
  if (record === undefined) return null;
  const evidence = [`the roster had \`protect: true\` for it when it was last applied`];
  const forget = fleetCommand(ctx.roster, 'forget', agent);
  const remedy = `put ${agent} back with \`protect: false\` and apply; or let go of it: ${forget}`;
  return refuse(ctx, firstPart(orphan, parts), agent, { guard: 'protect', evidence, remedy });
}

/** Unknown is not absent: what could not be looked at may hold its session, and stopping its unit would end that. */
function unseenOf(ctx: PlanContext, orphan: Orphan): readonly Finding[] {
  const { agent, sessions } = orphan;
  const { tmux, units, processes } = ctx.observed.sources;
  const because = (why: string, detail: string, kind: Part['kind'] = 'session', name: string = agent): Finding => {
    const left = `${agent} is not on the roster, left alone: ${detail}`;
    const finding = unobserved(ctx, kind, name, null, why, left);
    return finding.bucket === 'unknown' ? { ...finding, unknown: { ...finding.unknown, agent } } : finding;
  };
  if (tmux.status === 'unknown') return [because(tmux.why, `tmux: ${tmux.detail}`)];
  const where = recordedServer(ctx, agent);
  const unlooked = sessions.length > 0 || where.kind === 'other-directory' ? null : describeRecorded(where);
  if (unlooked !== null) return [because('not-observed', unlooked)];
  const blind = sessions.length === 0 ? unseenServers(tmux.value) : null;
  if (blind !== null) return [because(blind.why, `${blind.place} (it may hold ${agent}): ${blind.detail}`)];
  if (sessions.length > 0 && processes.status === 'unknown') {
    return [because(processes.why, `processes: ${processes.detail}`)];
  }
  for (const { session } of sessions) {
    for (const { id, runs } of session.panes) {
      if (runs.verdict === 'unknown') return [because(runs.why, `what runs in pane ${id}: ${runs.detail}`)];
    }
  }
  if (ctx.systemd && units.status === 'unknown') {
    return [because(units.why, `units: ${units.detail}`, 'unit', ctx.layout.agentUnit(agent))];
  }
  return unseenFiles(ctx, orphan, because);
}

function unseenFiles(
  ctx: PlanContext,
  { agent, unit }: Orphan,
  because: (why: string, detail: string, kind: Part['kind'], name: string) => Finding,
): readonly Finding[] {
  const { files } = ctx.observed.sources;
  if (files.status === 'unknown') return [because(files.why, `files: ${files.detail}`, 'env-file', agent)];
  const env = files.value.env_files[agent];
  const argv = files.value.argv_files[agent];
  const template = unit === null ? undefined : whoseUnitFile(ctx, ctx.layout.agentTemplate);
  return [
    ...(env?.state === 'unknown' ? [because(env.why, env.detail, 'env-file', agent)] : []),
    ...(argv?.state === 'unknown' ? [because(argv.why, argv.detail, 'env-file', `${agent}.argv`)] : []),
    ...(template?.state === 'unknown' ? [because(template.why, template.detail, 'unit', unit?.name ?? agent)] : []),
  ];
}

/** Started on a server of another TMUX_TMPDIR, which lives: it was not looked into. */
function foreignServer(ctx: PlanContext, orphan: Orphan): Finding | null {
  const { tmux } = ctx.observed.sources;
  const { agent, sessions } = orphan;
  if (tmux.status === 'unknown' || sessions.length > 0) return null;
  const other = recordedServer(ctx, agent);
  if (other.kind !== 'other-directory') return null;
  const evidence = [`fleet started it on the tmux server ${other.pid}, which lives at ${other.path}`];
  const directory = other.path.slice(0, other.path.lastIndexOf('/tmux-'));
  const remedy = `use fleet with that directory: TMUX_TMPDIR=${directory} ${fleetCommand(ctx.roster, 'apply', '--prune')}`;
  return refuse(ctx, SESSION(orphan), agent, { guard: 'wrong-socket', evidence, remedy });
}

const tell = ({ session, server }: LiveSubject): string =>
  `socket ${server.socket}, session ${session.name} (${session.id}), created ${new Date(session.created * 1000).toISOString()}`;

function severalSessions(ctx: PlanContext, orphan: Orphan): Finding | null {
  const [first, ...more] = orphan.sessions;
  if (first === undefined || more.length === 0) return null;
  const evidence = orphan.sessions.map(tell);
  const kill = `tmux -L ${first.server.socket} kill-session -t '${first.session.id}'`;
  const remedy = `look at each, then end the one that may end, by its socket and id, as in: ${kill}`;
  return refuse(ctx, SESSION(orphan), orphan.agent, { guard: 'duplicate', evidence, remedy });
}

function renamed(ctx: PlanContext, orphan: Orphan): Finding | null {
  const [only] = orphan.sessions;
  if (only === undefined || only.session.name === orphan.agent) return null;
  const evidence = [`somebody gave its session another name: ${tell(only)}`];
  const rename = `tmux -L ${only.server.socket} rename-session -t '${only.session.id}' ${orphan.agent}`;
  const part = { kind: 'session', name: orphan.agent } as const;
  return refuse(ctx, part, orphan.agent, { guard: 'not-ours', evidence, remedy: `if it may go, first: ${rename}` });
}

/** Its unit's stop ends whatever session bears its name: one that is not its own must not go with it. */
function sessionInTheWay(ctx: PlanContext, orphan: Orphan): Finding | null {
  const { tmux } = ctx.observed.sources;
  const { agent, unit } = orphan;
  const sockets = socketsOf(ctx, orphan);
  const own = new Set(orphan.sessions.map((s) => s.session));
  for (const { socket, server } of tmux.status === 'known' ? tmux.value.servers : []) {
    if (!sockets.includes(socket) || server.state !== 'running') continue;
    const other = server.sessions.find((s) => s.name === agent && !own.has(s));
    if (other === undefined) continue;
    const what = unit === null ? 'it bears the name' : `stopping ${unit.name} would end it too`;
    const evidence = [`session ${agent} (${other.id}) on socket ${socket} is not known to be ours: ${what}`];
    const adopt = fleetCommand(ctx.roster, 'adopt', agent);
    const rename = `tmux -L ${socket} rename-session -t '${other.id}' NEW-NAME`;
    const remedy =
      other.mark === null && !ctx.launcher
        ? `rename it: ${rename}; or, if it is the agent: ${adopt}`
        : `rename it: ${rename}`;
    return refuse(ctx, { kind: 'session', name: agent }, agent, { guard: 'not-ours', evidence, remedy });
  }
  return null;
}

function serverInside(ctx: PlanContext, { agent, unit }: Orphan): Finding | null {
  const { tmux } = ctx.observed.sources;
  if (unit === null || tmux.status === 'unknown') return null;
  const inside = tmux.value.servers.find((s) =>
    s.listening.some((l) => l.cgroup !== null && `${l.cgroup}/`.replaceAll('\\x2d', '-').includes(`/${unit.name}/`)),
  );
  if (inside === undefined) return null;
  const evidence = [
    `the tmux server of socket ${inside.socket} lives in ${unit.name}: stopping that would end every session`,
  ];
  const remedy = `end that server when nobody works (tmux -L ${inside.socket} ls shows who does), then: ${fleetCommand(ctx.roster, 'apply', '--prune')}`;
  return refuse(ctx, { kind: 'unit', name: unit.name }, agent, { guard: 'server-in-unit', evidence, remedy });
}

/**
 * Systemd ignores `disable` of a masked unit and exits 0. Its links would stay, and with the mask gone (one of
 * `masked-runtime` is after a reboot) it would come up at boot without the files that went.
 */
function masked(ctx: PlanContext, { agent, unit }: Orphan): Finding | null {
  if (unit === null || !unit.unit_file_state.startsWith('masked') || unit.wanted_by.length === 0) return null;
  const links = unit.wanted_by.join(', ');
  const evidence = [`${unit.name} is ${unit.unit_file_state}, and systemd disables no masked unit: linked in ${links}`];
  const runtime = unit.unit_file_state === 'masked-runtime' ? '--runtime ' : '';
  const remedy = `if it may go, first: systemctl --user unmask ${runtime}${unit.name}`;
  return refuse(ctx, { kind: 'unit', name: unit.name }, agent, { guard: 'masked', evidence, remedy });
}

/** The name is another fleet's agent's by now, or its unit runs by files that are not ours. */
function foreignFiles(ctx: PlanContext, { agent, unit }: Orphan): Finding | null {
  const argv = whoseArgvFile(ctx, agent);
  const whose = unit === null ? argv : whoseUnit(ctx, unit.name);
  if (whose.state !== 'foreign') return null;
  const { guard, evidence } = whose;
  const part =
    argv.state === 'foreign' || unit === null
      ? ({ kind: 'env-file', name: `${agent}.argv` } as const)
      : ({ kind: 'unit', name: unit.name } as const);
  const remedy = `if nothing of it is this fleet's any more, let go of it: ${fleetCommand(ctx.roster, 'forget', agent)}`;
  return refuse(ctx, part, agent, { guard, evidence, remedy });
}

function unrecorded(ctx: PlanContext, orphan: Orphan, parts: readonly Part[]): Finding | null {
  const missing = parts.filter(({ kind, name }) => recordFor(ctx.memory, kind, name) === null);
  const [first, ...more] = missing;
  if (first === undefined) return null;
  const names = missing.map(({ kind, name }) => `${kind}/${name}`);
  const evidence = [
    `not in the inventory: ${names.join(', ')}. It bears fleet ${ctx.roster.fleet}'s mark, or goes with what does, and may be another's all the same`,
  ];
  const whole = more.length === 0 ? (names[0] ?? orphan.agent) : orphan.agent;
  const remedy = `if it is this fleet's, then: ${fleetCommand(ctx.roster, 'adopt', whole)}`;
  return refuse(ctx, first, orphan.agent, { guard: 'not-ours', evidence, remedy });
}
