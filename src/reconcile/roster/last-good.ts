/**
 * The roster that was last put in force, kept so that it outlives the controller: with a roster that is invalid or gone
 * a restarted controller still knows what to keep up. By the roster's path, for the path is all that is known then.
 */
import { join } from 'node:path';
import { err, ok, type Result } from '../../spec/result.ts';
import { parseRoster } from '../../spec/roster.ts';
import { sha256 } from '../../spec/sha256.ts';
import type { Failure } from '../outcome.ts';
import type { FileWriter } from '../ports.ts';
import { readDocument, writeDocument } from '../state/document.ts';
import type { RosterVersion } from './candidate.ts';

const KIND = 'fleet.roster';

/** `path` is absolute; `ref` null without --git. */
export function lastGoodPath(home: string, path: string, ref: string | null): string {
  const name = sha256(JSON.stringify([path, ref])).slice(0, 16);
  return join(home, '.local/state/fleet/rosters', `${name}.json`);
}

export function writeLastGood(
  files: FileWriter,
  at: string,
  { text, commit }: RosterVersion,
  from: { readonly path: string; readonly read: string },
): Result<null, Failure> {
  return writeDocument(files, at, {
    format_version: '1.0',
    kind: KIND,
    path: from.path,
    commit,
    read: from.read,
    text,
  });
}

export interface LastGood {
  readonly version: RosterVersion;
  /** When it was read, RFC 3339. */
  readonly read: string;
}

/** Null where none was kept. One that this version of fleet finds invalid is a failure. */
export function readLastGood(files: FileWriter, at: string): Result<LastGood | null, Failure> {
  const document = readDocument(
    at,
    KIND,
    (path) => files.read(path),
    (fields) => {
      const { path, commit, read, text } = fields;
      if (typeof path !== 'string' || typeof read !== 'string' || typeof text !== 'string') return null;
      if (commit !== null && typeof commit !== 'string') return null;
      const parsed = parseRoster(Buffer.from(text, 'utf8'), path);
      return parsed.ok ? { version: { roster: parsed.value, text, commit }, read } : null;
    },
  );
  return document.ok ? ok(document.value) : err(document.error);
}
