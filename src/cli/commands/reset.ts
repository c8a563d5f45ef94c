import { has, type RunCommand, value } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { reportFailure } from '../report.ts';
import { stateOf } from '../state-place.ts';
import { subjectOf, unknownSubject, wish } from '../wish.ts';

/** A wish: the controller takes it into its counters at its next look, which this brings about; plan and apply at once. */
export const reset: RunCommand = async (args, context) => {
  const target = subjectOf(args, 'reset');
  if (!target.ok) return reportFailure(context, target.error);
  const place = stateOf(value(args, 'file'), context);
  if (!place.ok) return reportFailure(context, place.error);
  const unknown = unknownSubject(target.value, place.value.roster);
  if (unknown !== null) return reportFailure(context, unknown);
  const at = new Date(context.now()).toISOString();
  const asked = { id: context.machine.newId(), target: target.value, by: context.user.name, at };
  const written = await wish(place.value, context, ({ resets }) => ({
    resets: { ...resets, resets: [...resets.resets, asked] },
  }));
  if (!written.ok) return reportFailure(context, written.error);
  context.stdout.write(
    has(args, 'json') ? `${JSON.stringify(asked)}\n` : `Reset: ${target.value ?? 'everything'} may be started again.\n`,
  );
  return EXIT.done;
};
