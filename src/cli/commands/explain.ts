import { nearest } from '../../spec/suggest.ts';
import { has, type RunCommand } from '../command.ts';
import { EXIT, lookExitCode } from '../exit-codes.ts';
import { look } from '../look.ts';
import { planFor, policyOf } from '../planning.ts';
import { reportFailure } from '../report.ts';
import { buildExplain, explainable } from '../views/explain-records.ts';
import { formatExplain } from '../views/explain-text.ts';

export const explain: RunCommand = async (args, context) => {
  const seen = await look(args, context);
  if (!seen.ok) return reportFailure(context, seen.error);
  const { local, observed, memory } = seen.value;
  const target = args.operands[0] ?? '';
  const plan = planFor(seen.value, policyOf(args));
  const document = buildExplain({ target, roster: local, observed, memory, plan });
  if (document.records.length === 0) {
    const near = nearest(target, explainable(local, observed, plan));
    const remedy =
      near === null ? 'an agent, KIND/NAME or HOST/TENANT/KIND/NAME as fleet plan prints it' : `did you mean ${near}?`;
    const message = `nothing here is called '${target}': no agent of the roster, and nothing that was observed`;
    return reportFailure(context, { code: EXIT.usage, message, remedy });
  }
  context.stdout.write(
    has(args, 'json') ? `${JSON.stringify(document)}\n` : formatExplain(document, { color: context.color() }),
  );
  return lookExitCode(document.records.every((r) => r.verdicts.every((v) => v.bucket !== 'unknown')));
};
