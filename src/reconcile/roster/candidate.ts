/** A roster as it was read, and what may keep it from coming into force. */
import { type Diagnostic, formatDiagnostic } from '../../spec/diagnostics.ts';
import type { Roster } from '../../spec/model.ts';

export interface RosterVersion {
  readonly roster: Roster;
  /** As it was read: what is kept as the last good one. */
  readonly text: string;
  /** Hex, with --git; else null. */
  readonly commit: string | null;
}

export type RefusalCode = 'invalid' | 'missing' | 'unreadable' | 'not-descendant';

export type RosterRead =
  | { readonly state: 'read'; readonly version: RosterVersion }
  /** What is in force is what is there. */
  | { readonly state: 'same' }
  /** Just being written: to be read again in a moment. */
  | { readonly state: 'unsettled' }
  /** `code`: missing, invalid, unreadable, not-descendant. */
  | { readonly state: 'refused'; readonly code: RefusalCode; readonly message: string; readonly remedy: string | null };

/** Reads the roster anew. `inForce` is what it is compared with, null where there is none yet. */
export type ReadRoster = (inForce: RosterVersion | null) => Promise<RosterRead>;

export function invalid(diagnostics: readonly Diagnostic[]): RosterRead {
  const missing = diagnostics.some((d) => d.code === 'roster-missing');
  return {
    state: 'refused',
    code: missing ? 'missing' : 'invalid',
    message: diagnostics.map(formatDiagnostic).join('\n'),
    remedy: diagnostics[0]?.remedy ?? null,
  };
}
