/** The right runtime runs: was it started from what the roster says now, and does it live where and with what it should? */

import type { ProcessEnv, ProcessObserved, TmuxPane } from '../observe/state.ts';
import { sameEnvValue, wantedEnv } from '../spec/env-file.ts';
import { fingerprint } from '../spec/fingerprint.ts';
import { expandHome } from '../spec/home.ts';
import type { AgentSpec } from '../spec/model.ts';
import { addressOf, type PlanContext } from './context.ts';
import type { Drift } from './drift.ts';
import { type LiveSubject, remembered } from './subject.ts';

export function specDrift(
  ctx: PlanContext,
  agent: AgentSpec,
  subject: LiveSubject,
  pane: TmuxPane,
  runtimePid: number,
): readonly Drift[] {
  if (ctx.files === null) return [untold('files could not be read, so its spec cannot be compared')];
  const home = ctx.files.user.home;
  const { processes } = ctx.observed.sources;
  if (processes.status === 'unknown') return [untold(`processes: ${processes.detail}`)];
  const live = processes.value.processes[String(runtimePid)];
  if (live === undefined) return [untold(`process ${runtimePid} was not looked at`)];
  const where = workdirDrift(ctx, agent, live);
  const env = envDrift(ctx, agent, live, home);
  const about = isAsAdopted(ctx, agent, subject) ? [...env, ...where].map(toldOnly) : [...env, ...where];
  return [...startedFrom(ctx, agent, subject, pane, live, home), ...about];
}

/** Started by somebody else, and taken over as it was: that it is not as fleet would have started it is known. */
function isAsAdopted(ctx: PlanContext, agent: AgentSpec, subject: LiveSubject): boolean {
  if (!ctx.launcher || (subject.session.mark?.spec ?? null) !== null) return false;
  return remembered(ctx, agent, subject)?.spec === null;
}

const toldOnly = (d: Drift): Drift => (d.response === 'by-policy' ? { ...d, response: 'warn' } : d);

/** fleet started it, and from another spec than the roster has now: so much is known, whatever it is that runs. */
export function otherSpec(ctx: PlanContext, agent: AgentSpec, subject: LiveSubject): readonly Drift[] {
  const recorded = subject.session.mark?.spec ?? remembered(ctx, agent, subject)?.spec ?? null;
  if (recorded === null || ctx.files === null) return [];
  const wanted = fingerprint(agent, ctx.files.user.home);
  if (isFormerFile(recorded)) return sameFile(ctx, agent, recorded) ? [] : [specChanged(null, wanted, [FORMER_FILE])];
  return recorded === wanted
    ? []
    : [specChanged(recorded, wanted, ['started from another spec than the roster has now'])];
}

function untold(detail: string): Drift {
  return { reason: 'unobserved', path: '/spec', response: 'unknown', before: {}, after: {}, evidence: [detail] };
}

function startedFrom(
  ctx: PlanContext,
  agent: AgentSpec,
  subject: LiveSubject,
  pane: TmuxPane,
  live: ProcessObserved,
  home: string,
): readonly Drift[] {
  const wanted = fingerprint(agent, home);
  const recorded = subject.session.mark?.spec ?? remembered(ctx, agent, subject)?.spec ?? null;
  if (recorded !== null && isFormerFile(recorded)) {
    if (!sameFile(ctx, agent, recorded)) return [specChanged(null, wanted, [FORMER_FILE])];
    return fromEnvFile(ctx, agent, home, wanted);
  }
  if (recorded !== null) {
    return recorded === wanted || recorded === withIgnored(ctx, agent, live, home)
      ? []
      : [specChanged(recorded, wanted, ['started from another spec than the roster has now'])];
  }
  if (ctx.launcher) return [specUnknown('the session bears no fingerprint (@fleet_spec)')];
  const file = ctx.files?.env_files[agent.name];
  const { processes } = ctx.observed.sources;
  const root = processes.status === 'known' ? processes.value.processes[String(pane.pid)] : undefined;
  if (file?.state === 'present' && root !== undefined && root.started_ms <= file.modified_ms) {
    return [specUnknown('its env file was changed after it was started, and it is not in the inventory')];
  }
  return root === undefined ? [UNREADABLE] : fromEnvFile(ctx, agent, home, wanted);
}

/**
 * Layout mosaic: what a session that fleet did not start was started from, written down before fleet changes its env
 * file (hex SHA-256 of the file as it was): the file is newer than the session from then on, and tells nothing any more.
 */
export function formerFileSpec(sha256: string): string {
  return `env-file:${sha256}`;
}

const FORMER_FILE = 'started from its env file as it was before fleet changed it';

export function isFormerFile(recorded: string): boolean {
  return recorded.startsWith(formerFileSpec(''));
}

/** The file is as it was when the session was started: it was changed back, or not changed at all. */
function sameFile(ctx: PlanContext, agent: AgentSpec, recorded: string): boolean {
  const file = ctx.files?.env_files[agent.name];
  return file?.state === 'present' && recorded === formerFileSpec(file.sha256);
}

/** Layout mosaic: a session newer than its env file was started from that file as it is now. */
function fromEnvFile(ctx: PlanContext, agent: AgentSpec, home: string, wanted: string): readonly Drift[] {
  const file = ctx.files?.env_files[agent.name];
  if (file?.state !== 'present') return [UNREADABLE];
  const wantedKeys = wantedEnv(ctx.roster, agent, home);
  const different = Object.keys(wantedKeys).filter(
    (key) => !sameEnvValue(ctx.layout, key, file.own[key], wantedKeys[key] ?? null, { home }),
  );
  if (different.length === 0) return [];
  return [
    specChanged(null, wanted, [`started from its env file, whose ${different.join(', ')} differ from the roster`]),
  ];
}

function specChanged(before: string | null, after: string, evidence: readonly string[]): Drift {
  return {
    reason: 'spec-changed',
    path: '/spec',
    response: 'by-policy',
    before: { spec: before },
    after: { spec: after },
    evidence,
  };
}

function specUnknown(detail: string): Drift {
  return {
    reason: 'spec-unknown',
    path: '/spec',
    response: 'warn',
    before: { spec: null },
    after: {},
    evidence: [`what it was started from cannot be told: ${detail}`],
  };
}

const UNREADABLE = specUnknown('it is not in the inventory, and its env file cannot be read');

/** The fingerprint as it would be with ignored fields as they are seen: an ignored field is no change of spec either. */
function withIgnored(ctx: PlanContext, agent: AgentSpec, live: ProcessObserved, home: string): string | null {
  const address = addressOf(ctx, 'session', agent.name);
  const seenAt = live.cwd.status === 'known' ? live.cwd.value : null;
  const other = seenAt !== null && seenAt !== expandHome(agent.workingDirectory, home);
  if (!other || !ctx.ignore.covers(address, agent.name, '/working_directory', 'workdir-mismatch')) return null;
  return fingerprint({ ...agent, workingDirectory: seenAt }, home);
}

function workdirDrift(ctx: PlanContext, agent: AgentSpec, live: ProcessObserved): readonly Drift[] {
  const wanted = ctx.files?.directories[agent.workingDirectory];
  if (wanted?.state !== 'found') return [];
  if (live.cwd.status === 'unknown') return [untold(`its working directory: ${live.cwd.detail}`)];
  const seen = live.cwd.value;
  if (seen === wanted.real) return [];
  return [
    {
      reason: 'workdir-mismatch',
      path: '/working_directory',
      response: 'by-policy',
      before: { working_directory: seen },
      after: { working_directory: wanted.real },
      evidence: [`pid ${live.pid} works in ${seen}, wanted ${wanted.real}`],
    },
  ];
}

function envDrift(ctx: PlanContext, agent: AgentSpec, live: ProcessObserved, home: string): readonly Drift[] {
  if (live.env.status === 'unknown') return [untold(`its environment: ${live.env.detail}`)];
  const env = live.env.value;
  const wanted = wantedValues(ctx, agent, home);
  const plain = Object.keys(wanted)
    .filter((key) => !sameLive(ctx, env, key, wanted[key] ?? '', home))
    .map((key) => envAspect(live.pid, key, env.values[key] ?? null, wanted[key] ?? ''));
  const secret = Object.entries(env.secrets)
    .filter(([key, seen]) => agent.env[key]?.kind === 'secret' && seen.matches === false)
    .map(([key]) => envAspect(live.pid, key, '***', '***'));
  return [...plain, ...secret];
}

/** Layout mosaic's launcher carries only NAME and CLASS into the pane. */
function wantedValues(ctx: PlanContext, agent: AgentSpec, home: string): Readonly<Record<string, string>> {
  const { keys } = ctx.layout;
  const own = wantedEnv(ctx.roster, agent, home);
  const carried = ctx.launcher ? Object.keys(own) : [keys.name, keys.class];
  const wanted: Record<string, string> = {};
  for (const key of carried) {
    const value = own[key];
    if (value !== null && value !== undefined) wanted[key] = value;
  }
  for (const [key, value] of Object.entries(agent.env)) if (value.kind === 'plain') wanted[key] = value.value;
  return wanted;
}

function sameLive(ctx: PlanContext, env: ProcessEnv, key: string, wanted: string, home: string): boolean {
  const seen = env.values[key];
  if (seen === undefined) return env.keys.includes(key) || wanted === '';
  if (seen === wanted) return true;
  return key === ctx.layout.keys.command && sameEnvValue(ctx.layout, key, seen, wanted, { home });
}

function envAspect(pid: number, key: string, seen: string | null, wanted: string): Drift {
  return {
    reason: 'env-mismatch',
    path: `/env/${key}`,
    response: 'by-policy',
    before: { env: { [key]: seen } },
    after: { env: { [key]: wanted } },
    evidence: [
      seen === null ? `${key} is missing in the environment of pid ${pid}` : `${key} of pid ${pid} is not as wanted`,
    ],
  };
}
