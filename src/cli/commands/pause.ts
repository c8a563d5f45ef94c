import type { Pause } from '../../diff/plan-holds.ts';
import { addPause } from '../../reconcile/control/pauses.ts';
import { parseDuration } from '../../spec/duration.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { type Arguments, type Failure, has, type RunCommand, value } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { reportFailure } from '../report.ts';
import { stateOf } from '../state-place.ts';
import { subjectOf, unknownSubject, wish } from '../wish.ts';

export const pause: RunCommand = async (args, context) => {
  const asked = pauseFrom(args, context);
  if (!asked.ok) return reportFailure(context, asked.error);
  const place = stateOf(value(args, 'file'), context);
  if (!place.ok) return reportFailure(context, place.error);
  const unknown = unknownSubject(asked.value.target, place.value.roster);
  if (unknown !== null) return reportFailure(context, unknown);
  const written = await wish(place.value, context, ({ pauses }) => ({ pauses: addPause(pauses, asked.value) }));
  if (!written.ok) return reportFailure(context, written.error);
  const { target, until } = asked.value;
  const end = until === null ? '' : ` until ${until}`;
  context.stdout.write(
    has(args, 'json')
      ? `${JSON.stringify(written.value.pauses)}\n`
      : `Paused: ${target ?? 'everything'}${end}. To go on: fleet resume ${target ?? '--all'}\n`,
  );
  return EXIT.done;
};

function pauseFrom(args: Arguments, context: Context): Result<Pause, Failure> {
  const target = subjectOf(args, 'pause');
  if (!target.ok) return target;
  const reason = value(args, 'reason');
  if (reason === null || reason.trim() === '') {
    const message = 'fleet pause needs --reason: others will ask why nothing is done';
    return err({ code: EXIT.usage, message, remedy: 'for example: --reason "moving house"' });
  }
  const until = untilOf(value(args, 'until'), context.now());
  if (!until.ok) return until;
  const since = new Date(context.now()).toISOString();
  return ok({ target: target.value, reason, until: until.value, since, by: context.user.name });
}

/** RFC 3339, a date (its end, in UTC), or a duration from now. */
function untilOf(text: string | null, now: number): Result<string | null, Failure> {
  if (text === null) return ok(null);
  const at = instantOf(text, now);
  if (at !== null && at > now) return ok(new Date(at).toISOString());
  const why = at === null ? 'is not understood' : 'is past';
  return err({
    code: EXIT.usage,
    message: `--until ${text} ${why}`,
    remedy: 'for example: --until 2h, or --until 2026-12-31',
  });
}

function instantOf(text: string, now: number): number | null {
  const duration = parseDuration(text);
  if (duration !== null) return now + duration;
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text);
  if (!date && !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text)) return null;
  const at = Date.parse(date ? `${text}T23:59:59.999Z` : text);
  return Number.isNaN(at) ? null : at;
}
