/** The exact command that would go on where this plan stops: for this roster, with what the command line said already. */
import type { Roster } from '../spec/model.ts';
import { formatShellWords } from '../spec/quoting.ts';
import type { Limit, PlanPolicy } from './policy.ts';

interface Said {
  readonly roster: Pick<Roster, 'path'>;
  readonly policy: PlanPolicy;
}

/** `./fleet.yaml` is what a command without -f reads, whatever else there is. */
const DEFAULT_ROSTER = 'fleet.yaml';

/** `fleet WORDS`, to be pasted into a shell: with `-f` where the roster is not the default one. */
export function fleetCommand(roster: Pick<Roster, 'path'>, ...words: readonly string[]): string {
  const [verb, ...rest] = words;
  const file = roster.path === DEFAULT_ROSTER ? [] : ['-f', roster.path];
  return formatShellWords(['fleet', ...(verb === undefined ? [] : [verb]), ...file, ...rest]);
}

/** `fleet apply` as this plan was asked for, with some of its policy changed. */
export function applyCommand({ roster, policy }: Said, changed: Partial<PlanPolicy> = {}): string {
  return fleetCommand(roster, 'apply', ...policyWords({ ...policy, ...changed }));
}

/** `fleet plan` as it was asked for. */
export function planCommand({ roster, policy }: Said): string {
  return fleetCommand(roster, 'plan', ...policyWords(policy));
}

function policyWords(policy: PlanPolicy): readonly string[] {
  const each = (flag: string, values: readonly string[]): readonly string[] => values.flatMap((v) => [flag, v]);
  const when = (flag: string, given: boolean): readonly string[] => (given ? [flag] : []);
  const limit = (flag: string, given: Limit | null): readonly string[] =>
    given === null ? [] : [flag, formatLimit(given)];
  return [
    ...each('--host', policy.hosts),
    ...each('--tenant', policy.tenants),
    ...each('--target', policy.targets),
    ...each('--exclude', policy.excludes),
    ...when('--prune', policy.prune),
    ...when('--allow-empty', policy.allowEmpty),
    ...when('--even-if-attached', policy.evenIfAttached),
    ...when('--even-if-busy', policy.evenIfBusy),
    ...limit('--max-destroy', policy.maxDestroy),
    ...limit('--max-disrupt', policy.maxDisrupt),
  ];
}

/** As it is typed: `5`, `20%`. */
export function formatLimit({ value, unit }: Limit): string {
  return unit === 'percent' ? `${value}%` : String(value);
}

/** `tmux` on one socket, as it is written in addresses. */
export function tmuxCommand(socket: string, ...words: readonly string[]): string {
  return formatShellWords(['tmux', '-L', socket, ...words]);
}

/** A path of the roster as a shell takes it: a leading `~/` stays what it is. */
export function shellPath(path: string): string {
  return path.startsWith('~/') ? `~/${formatShellWords([path.slice(2)])}` : formatShellWords([path]);
}

/** What is moving now is told when it has come to rest. */
export function whenSettled(said: Said): string {
  return `when systemd has finished: ${planCommand(said)}`;
}

/** A server in an agent's unit can only be ended, with all that works in it; the holder's unit then keeps the next one. */
export function moveServer({ roster }: Pick<Said, 'roster'>, socket: string): string {
  const look = tmuxCommand(socket, 'list-sessions');
  return `end the whole server when nobody works in it (${look} shows who does), then: ${fleetCommand(roster, 'apply')}`;
}
