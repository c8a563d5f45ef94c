/** What the roster names and the host does not have, or does not show: directories, commands, files. Without them nothing is started. */

import type { EnvFileObserved, FileObserved, FilesObserved, PathObserved } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { fleetCommand, shellPath } from './command-line.ts';
import type { PlanContext } from './context.ts';
import { blocked, type Finding, unobserved } from './finding.ts';
import type { Reason } from './reasons.ts';

type Missing = Extract<Reason, 'workdir-missing' | 'command-missing' | 'secret-missing'>;

export interface Place {
  readonly reason: Missing;
  readonly seen: PathObserved | undefined;
  /** What is told of it begins with this. */
  readonly name: string;
  /** What is to be done about it, given the roster's path. */
  readonly remedy: (roster: string) => string;
}

/** All that must be there for the agent to come up. */
export function placesOf(files: FilesObserved, agent: AgentSpec): readonly Place[] {
  const { workingDirectory: directory } = agent;
  return [
    {
      reason: 'workdir-missing',
      seen: files.directories[directory],
      name: '',
      remedy: (roster) => `correct \`working_directory\` in ${roster}, or: mkdir -p ${shellPath(directory)}`,
    },
    {
      reason: 'command-missing',
      seen: files.commands[agent.name],
      name: '',
      remedy: (roster) => `install ${agent.argv?.[0] ?? ''}, or correct \`command\` of ${agent.name} in ${roster}`,
    },
    ...secretPlaces(files, agent),
  ];
}

const NONE: readonly Place[] = [];

function secretPlaces(files: FilesObserved, agent: AgentSpec): readonly Place[] {
  return Object.entries(agent.env).flatMap(([name, value]): readonly Place[] => {
    if (value.kind !== 'secret') return NONE;
    const seen = files.secret_files?.[value.fromFile];
    const remedy = (roster: string): string =>
      `put the value of ${name} into ${shellPath(value.fromFile)}, or correct \`env\` of ${agent.name} in ${roster}`;
    return [{ reason: 'secret-missing', seen, name: `${name}: `, remedy }];
  });
}

export function missingPlaces(ctx: PlanContext, agent: AgentSpec): readonly Finding[] {
  const { files } = ctx;
  if (files === null) return [unobserved(ctx, 'session', agent.name, agent, 'unobserved', 'files could not be read')];
  const found = [...unreadFiles(ctx, agent, files)];
  for (const place of placesOf(files, agent)) found.push(...tell(ctx, agent, place));
  return found;
}

/** What the launcher could not read either: the agent would be ended, and not come up again. */
function unreadFiles(ctx: PlanContext, agent: AgentSpec, files: FilesObserved): readonly Finding[] {
  let unread: FileObserved | EnvFileObserved | undefined = files.env_files[agent.name];
  if (ctx.launcher && unread?.state !== 'unknown') unread = files.argv_files[agent.name];
  if (ctx.launcher && unread?.state !== 'unknown') unread = files.launcher;
  if (unread?.state !== 'unknown') return [];
  const detail = `what it is started from cannot be read: ${unread.detail}`;
  return [unobserved(ctx, 'session', agent.name, agent, unread.why, detail)];
}

function tell(ctx: PlanContext, agent: AgentSpec, { reason, seen, name, remedy }: Place): readonly Finding[] {
  if (seen === undefined || seen.state === 'found') return [];
  const detail = `${name}${seen.detail}`;
  if (seen.state === 'unknown') {
    return [unobserved(ctx, 'session', agent.name, agent, seen.why, `${reason}? ${detail}`)];
  }
  const then = reason === 'workdir-missing' ? '' : `, then: ${fleetCommand(ctx.roster, 'plan')}`;
  const about = { reason, guard: 'missing', evidence: [detail], remedy: `${remedy(ctx.roster.path)}${then}` } as const;
  return [blocked(ctx, 'session', agent.name, agent, about)];
}
