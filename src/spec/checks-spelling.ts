/** A key in both of its spellings: which one was meant cannot be told. */

import type { DataPath } from './problems.ts';
import type { CheckContext } from './roster-view.ts';

/** Mosaic's second spelling of its own keys. */
const SPELLINGS = new Map([
  ['socketName', 'socket_name'],
  ['holderSession', 'holder_session'],
  ['workingDirectory', 'working_directory'],
  ['modelHint', 'model_hint'],
  ['persistentPersona', 'persistent_persona'],
  ['resetBetweenTasks', 'reset_between_tasks'],
  ['resetCommand', 'reset_command'],
]);

export function checkSpelling(context: CheckContext): void {
  const { file, report } = context;
  const check = (path: DataPath, mapping: object): void => {
    for (const camel of Object.keys(mapping)) {
      const snake = SPELLINGS.get(camel);
      if (snake === undefined || !Object.hasOwn(mapping, snake)) continue;
      const detail = `\`${camel}\` and \`${snake}\` are the same key`;
      report({ code: 'duplicate-key', path: [...path, camel], at: 'key', detail, remedy: `keep \`${snake}\`` });
    }
  };
  check(['tmux'], file.tmux ?? {});
  for (const { path, written } of context.places) check(path, written);
  for (const [name, runtime] of Object.entries(file.runtimes ?? {})) check(['runtimes', name], runtime);
}
