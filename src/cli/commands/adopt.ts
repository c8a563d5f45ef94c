import { adoptionOf } from '../../diff/adopt-address.ts';
import type { Adoption } from '../../diff/adoption.ts';
import { fleetCommand } from '../../diff/command-line.ts';
import { type Adopted, takeOver } from '../../reconcile/adopt.ts';
import type { Lease } from '../../reconcile/lease/hold.ts';
import { type Arguments, has, type RunCommand, value } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { lockTimeout, lookAndHold } from '../lease.ts';
import type { Look } from '../look.ts';
import { adoptedCode, adoptInput, decisionContext, nothingCalled, refusedCode } from '../ownership.ts';
import { reportFailure } from '../report.ts';
import { adoptDocument, formatAdopted, formatRefusals, formatTakes } from '../views/ownership.ts';

export const adopt: RunCommand = async (args, context) => {
  const target = args.operands[0] ?? '';
  if (!has(args, 'yes') && !context.stdin.isTerminal) {
    const message = 'adopt asks before it takes anything over, and there is no terminal to ask on';
    const remedy = `without asking: ${fleetCommand({ path: value(args, 'file') ?? 'fleet.yaml' }, 'adopt', '-y', target)}`;
    return reportFailure(context, { code: EXIT.usage, message, remedy });
  }
  const timeoutMs = lockTimeout(args);
  if (!timeoutMs.ok) return reportFailure(context, timeoutMs.error);
  const use = { what: 'adopt', timeoutMs: timeoutMs.value };
  const code = await lookAndHold(args, context, use, (seen, lease) => decide(target, seen, lease, args, context));
  return code.ok ? code.value : reportFailure(context, code.error);
};

async function decide(target: string, seen: Look, lease: Lease, args: Arguments, context: Context): Promise<ExitCode> {
  const adoption = adoptionOf(decisionContext(seen), target);
  if (adoption === null) return reportFailure(context, nothingCalled(target, seen));
  const told = (adopted: readonly Adopted[], exitCode: ExitCode): ExitCode =>
    tell(adoption, { target, adopted, exitCode }, args, context);
  // All of an agent or nothing: half of it taken over is neither ours nor theirs.
  if (adoption.refused.length > 0) return told([], refusedCode(adoption.refused));
  if (adoption.takes.length === 0) return told([], adoption.already.length > 0 ? EXIT.done : EXIT.error);
  if (!(await agreed(adoption, args, context))) return told([], EXIT.error);
  context.finishBeforeInterrupt();
  const adopted = await takeOver(adoptInput(seen, lease, context), adoption.takes);
  if (adopted.ok) return told(adopted.value, adoptedCode(adopted.value));
  const { summary, detail, remedy } = adopted.error;
  return reportFailure(context, { code: EXIT.error, message: `${summary}: ${detail}`, remedy });
}

/** Shown before it is asked, on stderr where stdout is for JSON alone. */
async function agreed(adoption: Adoption, args: Arguments, context: Context): Promise<boolean> {
  (has(args, 'json') ? context.stderr : context.stdout).write(formatTakes(adoption));
  if (has(args, 'yes')) return true;
  const answer = await context.stdin.ask('\nTake this over? Only "yes" is taken for yes: ');
  return answer?.trim() === 'yes';
}

function tell(
  adoption: Adoption,
  told: { readonly target: string; readonly adopted: readonly Adopted[]; readonly exitCode: ExitCode },
  args: Arguments,
  context: Context,
): ExitCode {
  const { exitCode, adopted, target } = told;
  if (has(args, 'json')) context.stdout.write(`${JSON.stringify(adoptDocument(adoption, told))}\n`);
  else if (adopted.length > 0) context.stdout.write(formatAdopted(adopted));
  else if (adoption.refused.length > 0) context.stdout.write(formatRefusals('adopt', adoption.refused));
  else if (adoption.takes.length === 0) context.stdout.write(formatTakes(adoption));
  if (adopted.length > 0 || exitCode === EXIT.done) return exitCode;
  const nothing = adoption.takes.length + adoption.refused.length === 0 ? `: there is nothing of ${target} here` : '';
  context.stderr.write(`fleet: nothing was taken over${nothing}\n`);
  return exitCode;
}
