/** Roster, scope and observation: what every command but `validate` and `schema` begins with. */
import { EMPTY_MEMORY, type PlanMemory } from '../diff/policy.ts';
import { type HowToLook, observe } from '../observe/observe.ts';
import type { Observed } from '../observe/state.ts';
import { readWholeFile } from '../reconcile/files/read-file.ts';
import { inventoryPath, type KnownInventories, readInventory } from '../reconcile/inventory.ts';
import type { Failure as Cause } from '../reconcile/outcome.ts';
import type { FileRead } from '../reconcile/ports.ts';
import { readHolds } from '../reconcile/state/holds.ts';
import { statePaths } from '../reconcile/state/paths.ts';
import type { Roster } from '../spec/model.ts';
import { err, ok, type Result } from '../spec/result.ts';
import { type Arguments, type Failure, value } from './command.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { readObserved } from './observed-file.ts';
import { type Elsewhere, hereIn, type Place, scopeOf } from './place.ts';
import { readRoster } from './roster-file.ts';

/** Milliseconds for every outside source; a stopped tmux server hangs its clients for ever. */
export const OBSERVE_DEADLINE_MS = 5_000;

export interface Look {
  /** Every agent, with host and tenant filled in. */
  readonly roster: Roster;
  /** The same with the agents of `here` alone: all that is observed and applied. */
  readonly local: Roster;
  readonly here: Place;
  readonly elsewhere: readonly Elsewhere[];
  readonly observed: Observed;
  readonly memory: PlanMemory;
  /** Strikes out the secrets that the look brought to light. */
  readonly mask: (text: string) => string;
}

/**
 * Reads the roster, then looks at this machine, or at a saved observation where --observed names one. `onPlace` is
 * called when the roster has said where here is, before anything is asked: what is begun there goes on beside the look.
 */
export function look(
  args: Arguments,
  context: Context,
  onPlace: (here: Place) => void = () => {},
): Promise<Result<Look, Failure>> {
  return lookWith(args, context, { onPlace, memoryOf: (roster, here) => remember(roster, here, context) });
}

/** The same for who plans nothing: what is there is told also where fleet's own files cannot be read. */
export function lookWithoutMemory(args: Arguments, context: Context): Promise<Result<Omit<Look, 'memory'>, Failure>> {
  return lookWith(args, context, { onPlace: () => {}, memoryOf: () => ok(EMPTY_MEMORY) });
}

interface How {
  readonly onPlace: (here: Place) => void;
  readonly memoryOf: (roster: Roster, here: Place) => Result<PlanMemory, Failure>;
}

async function lookWith(args: Arguments, context: Context, how: How): Promise<Result<Look, Failure>> {
  const roster = readRoster(value(args, 'file'), context);
  if (!roster.ok) return roster;
  context.endsSoon(roster.value.agents.length);
  const saved = value(args, 'observed');
  if (saved !== null) return lookAtSaved(roster.value, saved, args, context, how);
  const here = hereIn(roster.value, context);
  const scope = scopeOf(roster.value, here, context, narrowing(args));
  if (!scope.ok) return scope;
  how.onPlace(here);
  const memory = how.memoryOf(roster.value, here);
  if (!memory.ok) return memory;
  const observed = await observeHere(scope.value.local, here, context, null);
  return ok({ ...scope.value, here, observed, memory: memory.value, mask: context.masking.text });
}

/** A fresh look; `agents` narrows it to those names. */
export function observeHere(
  roster: Roster,
  here: Place,
  context: Context,
  agents: readonly string[] | null,
  how: HowToLook = 'twice',
): Promise<Observed> {
  const request = { roster, host: here.host, tenant: here.tenant, deadlineMs: OBSERVE_DEADLINE_MS, how };
  const { run, now, user, env, delay, masking } = context;
  const { known, knownFiles, lastLook } = context;
  const remembered = { ...(known === undefined ? {} : { known }), knownFiles, lastLook };
  const ports = { run, now, uid: user.uid, user, env, delay, masking, ...remembered };
  return observe(agents === null ? request : { ...request, agents }, ports);
}

/** Looked at before each plan: apply and the controller write it, and people who pause. */
export function remember(
  roster: Roster,
  here: Place,
  context: Context,
  known?: KnownInventories,
): Result<PlanMemory, Failure> {
  const read = (path: string): FileRead => readWholeFile(path, context.knownFiles);
  const memory = readInventory(inventoryPath(context.user.home, here.host, roster.fleet), read, known);
  if (!memory.ok) return err(unreadable(memory.error));
  const holds = readHolds(statePaths(context.user.home, here.host, roster.fleet), (path) => context.files.read(path));
  return holds.ok ? ok({ ...memory.value, holds: holds.value }) : err(unreadable(holds.error));
}

function unreadable({ summary, detail, remedy }: Pick<Cause, 'summary' | 'detail' | 'remedy'>): Failure {
  return { code: EXIT.error, message: `${summary}: ${detail}`, remedy };
}

function narrowing(args: Arguments): { readonly host: string | null; readonly tenant: string | null } {
  return { host: value(args, 'host'), tenant: value(args, 'tenant') };
}

/** "Here" is where the document was made. The inventory is this machine's own, so it only speaks for itself. */
function lookAtSaved(
  roster: Roster,
  path: string,
  args: Arguments,
  context: Context,
  { memoryOf }: How,
): Result<Look, Failure> {
  const document = readObserved(path);
  if (!document.ok) return document;
  const observed = document.value;
  const there = { host: observed.host, tenant: observed.tenant };
  const scope = scopeOf(roster, there, context, narrowing(args));
  if (!scope.ok) return scope;
  const here = hereIn(roster, context);
  const own = here.host === there.host && here.tenant === there.tenant;
  const memory = own ? memoryOf(roster, here) : ok(EMPTY_MEMORY);
  if (!memory.ok) return memory;
  return ok({ ...scope.value, here: there, observed, memory: memory.value, mask: context.masking.text });
}
