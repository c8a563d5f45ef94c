import { has, type RunCommand } from '../command.ts';
import { lookExitCode } from '../exit-codes.ts';
import { look } from '../look.ts';
import { planFor, policyOf } from '../planning.ts';
import { reportFailure } from '../report.ts';
import { buildPs } from '../views/ps-rows.ts';
import { formatPs } from '../views/ps-text.ts';

export const ps: RunCommand = async (args, context) => {
  const seen = await look(args, context);
  if (!seen.ok) return reportFailure(context, seen.error);
  const { local, observed, elsewhere } = seen.value;
  const document = buildPs({ roster: local, observed, elsewhere, plan: planFor(seen.value, policyOf(args)) });
  context.stdout.write(
    has(args, 'json') ? `${JSON.stringify(document)}\n` : formatPs(document, { color: context.color() }),
  );
  return lookExitCode(document.complete);
};
