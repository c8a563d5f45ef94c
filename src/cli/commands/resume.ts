import { resume as resumed } from '../../reconcile/control/pauses.ts';
import type { Wishes } from '../../reconcile/state/wishes.ts';
import { has, type RunCommand, value } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { reportFailure } from '../report.ts';
import { stateOf } from '../state-place.ts';
import { subjectOf, wish } from '../wish.ts';

export const resume: RunCommand = async (args, context) => {
  const target = subjectOf(args, 'resume');
  if (!target.ok) return reportFailure(context, target.error);
  const place = stateOf(value(args, 'file'), context);
  if (!place.ok) return reportFailure(context, place.error);
  let paused: readonly string[] | null = null;
  const written = await wish(place.value, context, (before) => {
    const pauses = resumed(before.pauses, target.value);
    if (pauses === null) paused = names(before);
    return pauses === null ? null : { pauses };
  });
  if (!written.ok) return reportFailure(context, written.error);
  if (paused !== null) return reportFailure(context, notPaused(target.value, paused));
  const left = written.value.pauses.pauses.length;
  const more = left === 0 ? '' : ` Still paused: ${names(written.value).join(', ')}`;
  context.stdout.write(
    has(args, 'json')
      ? `${JSON.stringify(written.value.pauses)}\n`
      : `Resumed: ${target.value ?? 'everything'}.${more}\n`,
  );
  return EXIT.done;
};

const names = ({ pauses }: Wishes): readonly string[] => pauses.pauses.map((p) => p.target ?? '--all');

function notPaused(target: string | null, paused: readonly string[]) {
  const message = target === null ? 'nothing is paused' : `${target} is not paused by that name`;
  const remedy =
    paused.length === 0 ? 'fleet status, or fleet plan, lists what is paused' : `paused is: ${paused.join(', ')}`;
  return { code: EXIT.error, message, remedy };
}
