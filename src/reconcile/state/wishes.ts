/**
 * What people ask of the controller: pauses, which stay, and resets, which it takes away when it has seen them. Files, so
 * that a wish counts whether a controller runs or not; changed by one at a time, under a lock of their own that nobody
 * holds for longer than it takes to write.
 */
import type { Pause } from '../../diff/plan-holds.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { NO_PAUSES, NO_RESETS, type Pauses, type Reset, type Resets } from '../control/pauses.ts';
import type { LeasePorts } from '../lease/take.ts';
import { takeLease } from '../lease/wait.ts';
import { type Failure, failure } from '../outcome.ts';
import type { FileRead, FileWriter } from '../ports.ts';
import { isFields, isListOf, isText, isTextOrNull, readDocument, writeDocument } from './document.ts';
import type { StatePaths } from './paths.ts';

export interface Wishes {
  readonly pauses: Pauses;
  readonly resets: Resets;
}

/** What cannot be read is a failure: a pause that may be there is a pause. */
export function readWishes(paths: StatePaths, read: (path: string) => FileRead): Result<Wishes, Failure> {
  const pauses = readDocument(paths.pauses, 'fleet.pauses', read, (fields) =>
    isListOf(fields['pauses'], isPause) ? { ...NO_PAUSES, pauses: fields['pauses'] } : null,
  );
  if (!pauses.ok) return pauses;
  const resets = readDocument(paths.resets, 'fleet.resets', read, (fields) =>
    isListOf(fields['resets'], isReset) ? { ...NO_RESETS, resets: fields['resets'] } : null,
  );
  if (!resets.ok) return resets;
  return ok({ pauses: pauses.value ?? NO_PAUSES, resets: resets.value ?? NO_RESETS });
}

export interface WishPorts extends LeasePorts {
  readonly files: FileWriter;
}

const WAIT_MS = 10_000;

/** Reads, changes and writes as one step. `change` gives what is to be another, null where nothing is. */
export async function changeWishes(
  paths: StatePaths,
  who: { readonly who: string; readonly host: string },
  ports: WishPorts,
  change: (before: Wishes) => Partial<Wishes> | null,
): Promise<Result<Wishes, Failure>> {
  const request = { path: paths.wishes, ...who, what: 'wish', timeoutMs: WAIT_MS };
  const taken = await takeLease(request, ports);
  if (!taken.ok) return err(taken.error.why === 'failed' ? taken.error.failure : busy(paths.wishes));
  try {
    const before = readWishes(paths, (path) => ports.files.read(path));
    if (!before.ok) return before;
    const changes = change(before.value) ?? {};
    const written = [
      ...(changes.pauses === undefined ? [] : [writeDocument(ports.files, paths.pauses, changes.pauses)]),
      ...(changes.resets === undefined ? [] : [writeDocument(ports.files, paths.resets, changes.resets)]),
    ];
    const failed = written.find((w) => !w.ok);
    return failed !== undefined && !failed.ok ? failed : ok({ ...before.value, ...changes });
  } finally {
    taken.value.lease.release();
  }
}

/** Those resets that the controller has taken into its counters. */
export function withoutResets({ resets }: Wishes, ids: readonly string[]): Partial<Wishes> | null {
  const left = resets.resets.filter((reset) => !ids.includes(reset.id));
  return left.length === resets.resets.length ? null : { resets: { ...resets, resets: left } };
}

function busy(path: string): Failure {
  return failure('wishes-busy', 'Somebody else is changing pauses', `${path} was not let go within 10 s`, 'try again');
}

const isPause = (value: unknown): value is Pause =>
  isFields(value) &&
  isTextOrNull(value['target']) &&
  isText(value['reason']) &&
  isTextOrNull(value['until']) &&
  isText(value['since']) &&
  isText(value['by']);

const isReset = (value: unknown): value is Reset =>
  isFields(value) && isText(value['id']) && isTextOrNull(value['target']) && isText(value['by']) && isText(value['at']);
