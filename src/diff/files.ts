/** The rows on files that fleet writes: env files, what the launcher reads, the launcher, unit files. */

import type { EnvFileObserved, FileObserved, FilesObserved } from '../observe/state.ts';
import { renderArgvFile } from '../spec/argv-file.ts';
import { sameEnvValue, wantedEnv } from '../spec/env-file.ts';
import { renderLauncher } from '../spec/launcher.ts';
import type { AgentSpec } from '../spec/model.ts';
import { sha256 } from '../spec/sha256.ts';
import { renderUnitFiles } from '../spec/unit-file.ts';
import { isToRun, type PlanContext, sayOfEach } from './context.ts';
import { livesElsewhere } from './elsewhere.ts';
import { blocked, type Compare, change, changed, type Finding, unobserved, warning } from './finding.ts';
import { adoptedUnitFile } from './owned.ts';
import type { View } from './plan.ts';
import { subjectOf } from './subject.ts';
import { type Foreign, foreignLink, isMask, whoseArgvFile, whoseUnitFile } from './whose-files.ts';

/** Name of the launcher's resource: no agent's name holds a dot. */
export const LAUNCHER_NAME = 'fleet.launch';

export const compareFiles: Compare = (ctx) => {
  const { files } = ctx;
  const agents = ctx.agents.filter(isToRun);
  if (files === null) {
    const source = ctx.observed.sources.files;
    const detail = source.status === 'unknown' ? source.detail : '';
    return agents.map((a) => unobserved(ctx, 'env-file', a.name, a, 'unobserved', detail));
  }
  const shared = agents.length > 0 ? [...unitFiles(ctx, files), ...launcher(ctx, files)] : [];
  return [...shared, ...sayOfEach(ctx, 'files', agents, agentFiles)];
};

function agentFiles(ctx: PlanContext, agent: AgentSpec): readonly Finding[] {
  const { files } = ctx;
  if (files === null) return [];
  // It lives on another socket: what it was started from there is left as it is.
  if (subjectOf(ctx, agent).kind !== 'session' && livesElsewhere(ctx, agent)) return [];
  const home = files.user.home;
  const whose = whoseArgvFile(ctx, agent.name);
  if (whose.state === 'foreign') return [foreignFile(ctx, 'env-file', agent.name, agent, whose)];
  const env = envFile(ctx, files.env_files[agent.name], agent, home);
  if (!ctx.launcher) return env;
  const wanted = renderArgvFile(ctx.roster, agent, home);
  const seen = files.argv_files[agent.name];
  return [...env, ...wholeFile(ctx, 'env-file', `${agent.name}.argv`, agent, seen, wanted)];
}

/** fleet owns its own keys and nothing else of this file. */
function envFile(
  ctx: PlanContext,
  seen: EnvFileObserved | undefined,
  agent: AgentSpec,
  home: string,
): readonly Finding[] {
  const wanted = wantedEnv(ctx.roster, agent, home);
  if (seen === undefined) return [unobserved(ctx, 'env-file', agent.name, agent, 'not-observed', 'not looked at')];
  switch (seen.state) {
    case 'unknown':
      return [unobserved(ctx, 'env-file', agent.name, agent, seen.why, seen.detail)];
    case 'absent': {
      const after = Object.fromEntries(Object.entries(wanted).filter(([, v]) => v !== null));
      return enforcedFile(ctx, agent, agent.name, 'env-file-missing', {}, after, null, ['there is no env file']);
    }
    case 'present': {
      const different = Object.keys(wanted).filter(
        (key) => !sameEnvValue(ctx.layout, key, seen.own[key], wanted[key] ?? null, { home }),
      );
      const kept = different.filter(
        (key) => !ctx.ignore.covers(addressFor(ctx, agent), agent.name, `/${key}`, 'env-file-changed'),
      );
      if (kept.length === 0) return [];
      const before: Record<string, string> = {};
      const after: Record<string, string> = {};
      for (const key of kept) {
        const value = wanted[key] ?? null;
        const there = seen.own[key];
        if (there !== undefined) before[key] = there;
        if (value !== null) after[key] = value;
      }
      const evidence = kept.map((key) => describeKey(key, seen.own[key], wanted[key] ?? null));
      return enforcedFile(ctx, agent, agent.name, 'env-file-changed', before, after, seen.sha256, evidence);
    }
  }
}

function addressFor(ctx: PlanContext, agent: AgentSpec): string {
  return `${ctx.host}/${ctx.tenant}/env-file/${agent.name}`;
}

function describeKey(key: string, seen: string | undefined, wanted: string | null): string {
  if (wanted === null) return `${key} is ${JSON.stringify(seen)}, should not be there`;
  if (seen === undefined) return `${key} is missing, should be ${JSON.stringify(wanted)}`;
  return `${key} is ${JSON.stringify(seen)}, should be ${JSON.stringify(wanted)}`;
}

function enforcedFile(
  ctx: PlanContext,
  agent: AgentSpec | null,
  name: string,
  reason: 'env-file-missing' | 'env-file-changed',
  before: View,
  after: View,
  sha: string | null,
  evidence: readonly string[],
): readonly Finding[] {
  if (agent?.manage === 'warn') return [warning(ctx, 'env-file', name, agent, reason, evidence)];
  const action = reason === 'env-file-missing' ? 'create' : 'update';
  const precondition = { file_sha256: sha };
  return [
    changed(change(ctx, 'env-file', name, agent, { action, reason, stage: 1, before, after, evidence, precondition })),
  ];
}

/** A file that is fleet's from the first byte to the last. */
function wholeFile(
  ctx: PlanContext,
  kind: 'env-file' | 'unit-file',
  name: string,
  agent: AgentSpec | null,
  seen: FileObserved | undefined,
  wanted: string,
): readonly Finding[] {
  const missing = kind === 'env-file' ? 'env-file-missing' : 'unit-missing';
  const different = kind === 'env-file' ? 'env-file-changed' : 'unit-file-changed';
  if (seen === undefined) return [unobserved(ctx, kind, name, agent, 'not-observed', 'not looked at')];
  if (seen.state === 'unknown') return [unobserved(ctx, kind, name, agent, seen.why, seen.detail)];
  if (seen.state === 'present' && seen.content === wanted) return [];
  if (agent?.manage === 'warn') {
    const reason = seen.state === 'absent' ? missing : different;
    return [warning(ctx, kind, name, agent, reason, ['differs from what fleet writes'])];
  }
  const absent = seen.state === 'absent';
  const evidence = absent ? ['it is not there'] : differingLines(seen.content, wanted);
  const before = seen.state === 'present' ? { sha256: sha256(seen.content) } : {};
  const draft = change(ctx, kind, name, agent, {
    action: absent ? 'create' : 'update',
    reason: absent ? missing : different,
    stage: 1,
    before,
    after: { sha256: sha256(wanted) },
    evidence,
    precondition: { file_sha256: before.sha256 ?? null },
  });
  return [changed(draft)];
}

/** The first lines that differ; enough to tell what was edited. */
function differingLines(seen: string, wanted: string): readonly string[] {
  const there = new Set(seen.split('\n'));
  const should = new Set(wanted.split('\n'));
  const extra = [...there].filter((line) => !should.has(line) && line !== '').map((line) => `reads: ${line}`);
  const lacking = [...should].filter((line) => !there.has(line) && line !== '').map((line) => `lacks: ${line}`);
  const lines = [...extra, ...lacking].map((line) => (line.length > 160 ? `${line.slice(0, 157)}...` : line));
  return lines.length === 0 ? ['the order of its lines differs'] : lines.slice(0, 6);
}

function launcher(ctx: PlanContext, files: FilesObserved): readonly Finding[] {
  return ctx.launcher ? wholeFile(ctx, 'env-file', LAUNCHER_NAME, null, files.launcher, renderLauncher()) : [];
}

function unitFiles(ctx: PlanContext, files: FilesObserved): readonly Finding[] {
  if (!ctx.systemd) return [];
  if (!ctx.layout.ownsUnitFiles) return keptUnitFiles(ctx, files);
  const wanted = renderUnitFiles(ctx.roster, ctx.agents, files.user.home);
  return Object.entries(wanted).flatMap(([name, content]) => {
    const seen = files.unit_files[name];
    const whose = whoseUnitFile(ctx, name);
    if (whose.state === 'foreign') return [foreignUnitFile(ctx, name, whose, seen, content)];
    // Told by the unit's row, never written through.
    if (seen?.state === 'present' && isMask(seen)) return [];
    return wholeFile(ctx, 'unit-file', name, null, seen, content);
  });
}

/** Layout mosaic: what was adopted is kept at the text that it had then. */
function keptUnitFiles(ctx: PlanContext, files: FilesObserved): readonly Finding[] {
  const { agentTemplate, holderUnit } = ctx.layout;
  return Object.values(ctx.memory.owned).flatMap(({ kind, name }) => {
    const instance = ctx.layout.agentOfUnit(name) !== null;
    const wanted = kind === 'unit-file' ? adoptedUnitFile(ctx.memory, name) : null;
    if (wanted === null || (name !== agentTemplate && name !== holderUnit && !instance)) return [];
    // All instances' files are seen, those of no agent too: one that is not among them is not there.
    const seen = files.unit_files[name] ?? (instance ? { state: 'absent' as const } : undefined);
    // A mask is told by the unit's row, never written through.
    if (seen?.state === 'present' && isMask(seen)) return [];
    if (seen?.state === 'present' && seen.link_target !== null && seen.content !== wanted) {
      return [foreignUnitFile(ctx, name, foreignLink(ctx, name, seen), seen, wanted)];
    }
    return wholeFile(ctx, 'unit-file', name, null, seen, wanted);
  });
}

function foreignFile(
  ctx: PlanContext,
  kind: 'env-file' | 'unit-file',
  name: string,
  agent: AgentSpec | null,
  { reason, guard, evidence, remedy }: Foreign,
): Finding {
  return blocked(ctx, kind, name, agent, { reason, guard, evidence, remedy });
}

/** With what differs where it is a link: its text may be meant to be fleet's. */
function foreignUnitFile(
  ctx: PlanContext,
  name: string,
  whose: Foreign,
  seen: FileObserved | undefined,
  wanted: string,
): Finding {
  const reads = seen?.state === 'present' && seen.content !== '' ? seen.content : null;
  const lines = whose.reason === 'unit-file-changed' && reads !== null ? differingLines(reads, wanted) : [];
  return foreignFile(ctx, 'unit-file', name, null, { ...whose, evidence: [...whose.evidence, ...lines] });
}
