/** What the roster names and the host does not have, or does not show: directories, commands, files. Without them nothing is started. */

import type { FilesObserved, PathObserved } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { fleetCommand, shellPath } from './command-line.ts';
import type { PlanContext } from './context.ts';
import { blocked, type Finding, unobserved } from './finding.ts';
import type { Reason } from './reasons.ts';

export function missingPlaces(ctx: PlanContext, agent: AgentSpec): readonly Finding[] {
  const { files } = ctx;
  if (files === null) return [unobserved(ctx, 'session', agent.name, agent, 'unobserved', 'files could not be read')];
  const directory = files.directories[agent.workingDirectory];
  const command = files.commands[agent.name];
  const word = agent.argv?.[0] ?? '';
  return [
    ...unreadFiles(ctx, agent, files),
    ...tell(
      ctx,
      agent,
      directory,
      'workdir-missing',
      `correct \`working_directory\` in ${ctx.roster.path}, or: mkdir -p ${shellPath(agent.workingDirectory)}`,
    ),
    ...tell(
      ctx,
      agent,
      command,
      'command-missing',
      `install ${word}, or correct \`command\` of ${agent.name} in ${ctx.roster.path}, then: ${fleetCommand(ctx.roster, 'plan')}`,
    ),
  ];
}

/** What the launcher could not read either: the agent would be ended, and not come up again. */
function unreadFiles(ctx: PlanContext, agent: AgentSpec, files: FilesObserved): readonly Finding[] {
  const own = ctx.launcher ? [files.argv_files[agent.name], files.launcher] : [];
  const unread = [files.env_files[agent.name], ...own].find((file) => file?.state === 'unknown');
  if (unread?.state !== 'unknown') return [];
  const detail = `what it is started from cannot be read: ${unread.detail}`;
  return [unobserved(ctx, 'session', agent.name, agent, unread.why, detail)];
}

function tell(
  ctx: PlanContext,
  agent: AgentSpec,
  seen: PathObserved | undefined,
  reason: Extract<Reason, 'workdir-missing' | 'command-missing'>,
  remedy: string,
): readonly Finding[] {
  if (seen === undefined || seen.state === 'found') return [];
  if (seen.state === 'unknown') {
    return [unobserved(ctx, 'session', agent.name, agent, seen.why, `${reason}? ${seen.detail}`)];
  }
  return [blocked(ctx, 'session', agent.name, agent, { reason, guard: 'missing', evidence: [seen.detail], remedy })];
}
