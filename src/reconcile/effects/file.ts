/** Files that fleet writes: read again, compared with what was planned, replaced in one step, read once more. */
import type { Change } from '../../diff/plan.ts';
import type { EffectContext } from '../context.ts';
import { asWanted, type Effect, type EffectResult, made, notAsWanted, refused, skipped, untouched } from '../effect.ts';
import { type Failure, failure } from '../outcome.ts';
import type { FileRead, WriteMode } from '../ports.ts';

export interface FileTarget {
  /** Absolute. */
  readonly path: string;
  readonly mode: WriteMode;
  /** The content that should be there, made of the one that is (null: none); null = no file. */
  readonly want: (current: string | null) => string | null;
}

/** An effect that brings one file to what `targetOf` wants. */
export function fileEffect(targetOf: (ctx: EffectContext, change: Change) => FileTarget | Failure): Effect {
  return async (ctx, change) => {
    const target = targetOf(ctx, change);
    return 'code' in target ? refused(target) : bringTo(ctx, change, target);
  };
}

function bringTo(ctx: EffectContext, change: Change, target: FileTarget): EffectResult {
  const { files } = ctx.ports;
  const read = files.read(target.path);
  if (read.state === 'failed') return refused(read.failure);
  const current = read.state === 'present' ? read.content : null;
  const wanted = target.want(current);
  if (wanted === current && modeFits(read, target.mode)) {
    return skipped('already-satisfied', `${target.path} is as wanted already`);
  }
  const planned = change.precondition.file_sha256;
  const sha256 = read.state === 'present' ? read.sha256 : null;
  if (planned !== undefined && planned !== sha256) {
    return skipped('stale', `${target.path} ${differs(planned, sha256)} since it was planned`);
  }
  const written = wanted === null ? files.remove(target.path) : files.write(target.path, wanted, target.mode);
  if (!written.ok) return sameAs(read, files.read(target.path)) ? untouched(written.error) : refused(written.error);
  return made(async () => verify(ctx, target.path, wanted));
}

/** Written or removed in one step: what failed before that step left the file as it was. */
function sameAs(before: FileRead, after: FileRead): boolean {
  if (before.state !== 'present' || after.state !== 'present')
    return before.state === 'absent' && after.state === 'absent';
  return before.content === after.content && before.mode === after.mode;
}

function differs(planned: string | null, found: string | null): string {
  if (planned === null) return 'was written';
  return found === null ? 'was removed' : 'was changed';
}

function modeFits(read: FileRead, mode: WriteMode): boolean {
  return read.state !== 'present' || !('always' in mode) || read.mode === mode.always;
}

function verify(ctx: EffectContext, path: string, wanted: string | null) {
  const read = ctx.ports.files.read(path);
  if (read.state === 'failed') return notAsWanted(read.failure);
  const content = read.state === 'present' ? read.content : null;
  if (content === wanted) return asWanted(`${path} ${wanted === null ? 'removed' : 'written'}`);
  const detail = `${path} is not what was written a moment ago: something else writes it too`;
  return notAsWanted(failure('file-not-as-written', 'A file is not as it was written', detail));
}
