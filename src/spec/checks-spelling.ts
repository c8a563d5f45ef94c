/** A key in both of its spellings: which one was meant cannot be told. */

import type { DataPath } from './problems.ts';
import { type CheckContext, writtenFields } from './roster-view.ts';

const SPELLINGS = [
  ['socket_name', 'socketName'],
  ['holder_session', 'holderSession'],
  ['working_directory', 'workingDirectory'],
  ['model_hint', 'modelHint'],
  ['persistent_persona', 'persistentPersona'],
  ['reset_between_tasks', 'resetBetweenTasks'],
  ['reset_command', 'resetCommand'],
] as const;

export function checkSpelling(context: CheckContext): void {
  const { file, report } = context;
  const check = (path: DataPath, mapping: object): void => {
    for (const [snake, camel] of SPELLINGS) {
      if (!Object.hasOwn(mapping, snake) || !Object.hasOwn(mapping, camel)) continue;
      const detail = `\`${camel}\` and \`${snake}\` are the same key`;
      report({ code: 'duplicate-key', path: [...path, camel], at: 'key', detail, remedy: `keep \`${snake}\`` });
    }
  };
  check(['tmux'], file.tmux ?? {});
  for (const { path, fields } of writtenFields(context)) check(path, fields);
  for (const [name, runtime] of Object.entries(file.runtimes ?? {})) check(['runtimes', name], runtime);
}
