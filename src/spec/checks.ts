/** All that the shape of a roster cannot say: names, references, what excludes what. Each check reports and goes on. */

import { checkCommands } from './checks-commands.ts';
import { checkDependencies } from './checks-dependencies.ts';
import { checkHosts } from './checks-hosts.ts';
import { checkIgnoreRules } from './checks-ignore.ts';
import { checkLayout } from './checks-layout.ts';
import { checkLifecycle } from './checks-lifecycle.ts';
import { checkNames } from './checks-names.ts';
import { checkReferences } from './checks-references.ts';
import { checkSpelling } from './checks-spelling.ts';
import type { Report } from './problems.ts';
import type { CheckContext, RosterView } from './roster-view.ts';

const CHECKS: readonly ((context: CheckContext) => void)[] = [
  checkSpelling,
  checkNames,
  checkReferences,
  checkHosts,
  checkDependencies,
  checkLifecycle,
  checkCommands,
  checkLayout,
  checkIgnoreRules,
];

export function checkRoster(view: RosterView, report: Report): void {
  const context: CheckContext = { ...view, report };
  for (const check of CHECKS) check(context);
}
