import type { Failure as EffectFailure } from '../../reconcile/outcome.ts';
import { uninstallService } from '../../reconcile/service/install.ts';
import { type Failure, has, type RunCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { reportFailure } from '../report.ts';

export const uninstall: RunCommand = async (args, context) => {
  const undone = await uninstallService(context);
  if (!undone.ok) return reportFailure(context, failedBecause(undone.error));
  const nothing = 'Not installed: nothing to do.';
  context.stdout.write(
    has(args, 'json')
      ? `${JSON.stringify({ done: undone.value })}\n`
      : `${undone.value.length === 0 ? nothing : undone.value.join('\n')}\n`,
  );
  return EXIT.done;
};

const REFUSALS: ReadonlySet<string> = new Set(['not-ours', 'other-owner']);

/** A unit that is not ours is a guard's refusal. */
export function failedBecause({ code, summary, detail, remedy }: EffectFailure): Failure {
  return { code: REFUSALS.has(code) ? EXIT.blocked : EXIT.error, message: `${summary}: ${detail}`, remedy };
}
