/** Bytes to text, or why they are none: too many, not UTF-8, or with a NUL. */
import type { ProblemCode } from './problems.ts';
import { err, ok, type Result } from './result.ts';

export interface TextProblem {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly remedy: string | null;
  readonly place: { readonly line: number; readonly col: number };
}

/** A leading byte order mark stays, for the parser to skip. */
export function decodeText(bytes: Uint8Array, limit: number): Result<string, TextProblem> {
  if (bytes.byteLength > limit) {
    return err({
      code: 'roster-too-large',
      detail: `${bytes.byteLength} bytes or more; at most ${limit}`,
      remedy: 'split it: one roster a host or a tenant',
      // Of the whole file.
      place: { line: 1, col: 1 },
    });
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0) return err(notText(bytes, nul, `byte ${nul + 1} is NUL; a roster is UTF-8 text`));
  try {
    return ok(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const bad = firstInvalid(bytes);
    return err(notText(bytes, bad, `byte ${bad + 1} is not UTF-8`));
  }
}

function notText(bytes: Uint8Array, offset: number, detail: string): TextProblem {
  const before = new TextDecoder('utf-8').decode(bytes.subarray(0, offset));
  const lineStart = before.lastIndexOf('\n') + 1;
  const place = { line: before.split('\n').length, col: before.length - lineStart + 1 };
  return { code: 'roster-not-text', detail, remedy: 'save it as UTF-8 (`file FILE` tells what it is)', place };
}

/** Offset of the first byte that is part of no character, by halving: a prefix is valid as far as nothing is wrong in it. */
function firstInvalid(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.byteLength;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isText(bytes.subarray(0, middle), true)) good = middle;
    else bad = middle;
  }
  // Back to where the character begins that does not go on as it should.
  while (good > 0 && !isText(bytes.subarray(0, good), false)) good--;
  return good;
}

/** `mayGoOn`: the last character may be cut short. */
function isText(bytes: Uint8Array, mayGoOn: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: mayGoOn });
    return true;
  } catch {
    return false;
  }
}
