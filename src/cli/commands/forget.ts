import { type Forgetting, forgettingOf } from '../../diff/letting-go.ts';
import { type Adopted, letGo } from '../../reconcile/adopt.ts';
import type { Lease } from '../../reconcile/lease/hold.ts';
import { type Arguments, has, type RunCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { lockTimeout, lookAndHold } from '../lease.ts';
import type { Look } from '../look.ts';
import { adoptedCode, adoptInput, decisionContext, nothingCalled, refusedCode } from '../ownership.ts';
import { reportFailure } from '../report.ts';
import { forgetDocument, formatAdopted, formatGoes, formatRefusals } from '../views/ownership.ts';

export const forget: RunCommand = async (args, context) => {
  const target = args.operands[0] ?? '';
  const timeoutMs = lockTimeout(args);
  if (!timeoutMs.ok) return reportFailure(context, timeoutMs.error);
  const use = { what: 'forget', timeoutMs: timeoutMs.value };
  const code = await lookAndHold(args, context, use, (seen, lease) => decide(target, seen, lease, args, context));
  return code.ok ? code.value : reportFailure(context, code.error);
};

async function decide(target: string, seen: Look, lease: Lease, args: Arguments, context: Context): Promise<ExitCode> {
  const forgetting = forgettingOf(decisionContext(seen), target);
  if (forgetting === null) return reportFailure(context, nothingCalled(target, seen));
  const { goes, refused } = forgetting;
  const told = (adopted: readonly Adopted[], exitCode: ExitCode): ExitCode =>
    tell(forgetting, { target, adopted, exitCode }, args, context);
  if (refused.length > 0) return told([], refusedCode(refused));
  if (goes.length === 0) return told([], EXIT.done);
  context.finishBeforeInterrupt();
  const done = await letGo(adoptInput(seen, lease, context), goes);
  if (done.ok) return told(done.value, adoptedCode(done.value));
  const { summary, detail, remedy } = done.error;
  return reportFailure(context, { code: EXIT.error, message: `${summary}: ${detail}`, remedy });
}

function tell(
  forgetting: Forgetting,
  told: { readonly target: string; readonly adopted: readonly Adopted[]; readonly exitCode: ExitCode },
  args: Arguments,
  context: Context,
): ExitCode {
  const { adopted, exitCode, target } = told;
  const { goes, refused } = forgetting;
  if (has(args, 'json')) context.stdout.write(`${JSON.stringify(forgetDocument(forgetting, told))}\n`);
  else if (refused.length > 0) context.stdout.write(formatRefusals('forget', refused));
  else if (goes.length === 0) context.stdout.write(`Nothing of ${target} is in the inventory, or bears our mark.\n`);
  else context.stdout.write(formatGoes(goes) + formatAdopted(adopted));
  return exitCode;
}
