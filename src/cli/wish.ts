/** What pause, resume and reset share: what they are about, and writing it down. */
import type { Wishes } from '../reconcile/state/wishes.ts';
import { changeWishes } from '../reconcile/state/wishes.ts';
import { parseKind } from '../spec/address.ts';
import type { Roster } from '../spec/model.ts';
import { err, ok, type Result } from '../spec/result.ts';
import { nearest } from '../spec/suggest.ts';
import { type Arguments, type Failure, has } from './command.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import type { StatePlace } from './state-place.ts';

/** ADDR, or null for --all; never both, never neither. */
export function subjectOf(args: Arguments, command: string): Result<string | null, Failure> {
  const [target] = args.operands;
  if (has(args, 'all') === (target === undefined)) return ok(target ?? null);
  const message =
    target === undefined ? `fleet ${command} needs ADDR, or --all` : `fleet ${command}: both ${target} and --all`;
  return err({ code: EXIT.usage, message, remedy: `fleet ${command} --help` });
}

/** A misspelt name would hold back nothing, and look as if it did. */
export function unknownSubject(target: string | null, roster: Roster): Failure | null {
  if (target === null) return null;
  const names = roster.agents.map((agent) => agent.name);
  if (!target.includes('/')) {
    if (names.includes(target)) return null;
    const near = nearest(target, names);
    const remedy = near === null ? 'an agent, KIND/NAME or HOST/TENANT/KIND/NAME' : `did you mean ${near}?`;
    return { code: EXIT.usage, message: `the roster knows no agent '${target}'`, remedy };
  }
  const words = target.split('/');
  const kind = words.length === 2 ? words[0] : words[2];
  if ((words.length === 2 || words.length === 4) && parseKind(kind) !== null && !words.includes('')) return null;
  const remedy = 'KIND/NAME or HOST/TENANT/KIND/NAME, for example session/canary-pi';
  return { code: EXIT.usage, message: `'${target}' is no address`, remedy };
}

export async function wish(
  { paths, here }: StatePlace,
  context: Context,
  change: (before: Wishes) => Partial<Wishes> | null,
): Promise<Result<Wishes, Failure>> {
  const { run, machine, now, delay, files, user } = context;
  const who = { who: user.name, host: here.host };
  const changed = await changeWishes(paths, who, { run, machine, now, delay, files }, change);
  if (changed.ok) return changed;
  const { summary, detail, remedy } = changed.error;
  return err({ code: EXIT.error, message: `${summary}: ${detail}`, remedy });
}
