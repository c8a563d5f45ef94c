/** That every agent has something to run, and every runtime of the roster's own a way to be recognised. */
import { type CheckContext, originOf } from './roster-view.ts';
import { deriveMatch } from './runtime-spec.ts';
import { BUILT_IN_RUNTIMES } from './runtimes.ts';

export function checkCommands(context: CheckContext): void {
  checkMatches(context);
  const { layout, supervisor, runtimes, report } = context;
  // Mosaic's launcher has a default of its own for every runtime; what it is, fleet need not know.
  if (layout === 'mosaic' && supervisor === 'systemd') return;
  for (const agent of context.agents) {
    const { runtime, command } = agent.merged;
    if (runtime === undefined || command !== undefined || !Object.hasOwn(runtimes, runtime)) continue;
    if (runtimes[runtime]?.command !== null) continue;
    const detail = `runtime ${runtime} has none and the agent gives none`;
    const remedy = `add \`command: [PROGRAM, …]\` under \`runtimes: ${runtime}:\` or to the agent`;
    report({
      code: 'command-needed',
      path: originOf(agent, 'runtime'),
      at: 'value',
      detail,
      remedy,
      unlessFaulty: [['runtimes'], agent.path],
    });
  }
}

function checkMatches({ file, report }: CheckContext): void {
  for (const [name, { command, match }] of Object.entries(file.runtimes ?? {})) {
    const path = ['runtimes', name];
    if (match !== undefined && Object.keys(match).length === 0) {
      const detail = `\`match\` of ${name} is empty`;
      report({
        code: 'match-needed',
        path: [...path, 'match'],
        at: 'key',
        detail,
        remedy: 'add `exe`, `script` or `package`',
        unlessFaulty: [path],
      });
    }
    if (command === undefined || match !== undefined || Object.hasOwn(BUILT_IN_RUNTIMES, name)) continue;
    if (deriveMatch(command) !== null) continue;
    const detail = `the command of ${name} starts something that its words do not name for sure`;
    const remedy = 'add `match: { exe: NAME }`, `{ script: NAME }` or `{ package: NAME }`: what is seen in the pane';
    report({ code: 'match-needed', path: [...path, 'command'], at: 'value', detail, remedy, unlessFaulty: [path] });
  }
}
