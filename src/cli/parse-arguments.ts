/** argv to arguments. Pure; every refusal names what is wrong and the nearest right word. Exit 64. */
import type { Result } from '../spec/result.ts';
import { err, ok } from '../spec/result.ts';
import { nearest } from '../spec/suggest.ts';
import type { Arguments, Command } from './command.ts';
import type { FlagName } from './flags.ts';
import { COMMON_FLAGS, flagSpec, isFlagName, LATER_FLAGS } from './flags.ts';
import { parseLimit } from './limit.ts';
import { type Option, type OptionToken, tokensOf } from './tokens.ts';

/** `message` without a full stop; `remedy` is what to type instead. */
export interface UsageProblem {
  readonly message: string;
  readonly remedy: string | null;
}

export function parseArguments(command: Command, argv: readonly string[]): Result<Arguments, UsageProblem> {
  const known = [...command.flags, ...COMMON_FLAGS];
  const operands: string[] = [];
  const flags = new Set<FlagName>();
  const values: Partial<Record<FlagName, string[]>> = {};
  for (const token of tokensOf(argv, optionsOf(known))) {
    if (typeof token === 'string') {
      operands.push(token);
      continue;
    }
    const flag = known.find((name) => name === token.name);
    if (flag === undefined) return err(unknownFlag(command, token, known));
    const problem = valueProblem(flag, token);
    if (problem !== null) return err(problem);
    flags.add(flag);
    if (token.value !== undefined) {
      const before = values[flag] ?? [];
      if (before.length > 0 && !flagSpec(flag).multiple) {
        return err({ message: `${token.rawName} is given more than once`, remedy: 'give it once' });
      }
      values[flag] = [...before, token.value];
    }
  }
  const problem = flags.has('help') ? null : operandProblem(command, operands);
  return problem === null ? ok({ operands, flags, values }) : err(problem);
}

function optionsOf(known: readonly FlagName[]): ReadonlyMap<string, Option> {
  return new Map(
    known.map((name) => {
      const { short, value } = flagSpec(name);
      return [name, { short, takesValue: value !== null }];
    }),
  );
}

function unknownFlag(command: Command, token: OptionToken, known: readonly FlagName[]): UsageProblem {
  if (token.rawName.startsWith('--') && LATER_FLAGS.includes(token.name)) {
    return { message: `${token.rawName} is not in this version of fleet yet`, remedy: 'leave it out' };
  }
  if (isFlagName(token.name)) {
    return {
      message: `fleet ${command.name} takes no ${token.rawName}`,
      remedy: `fleet ${command.name} --help lists its flags`,
    };
  }
  const near = token.rawName.startsWith('--') ? nearest(token.name, known) : null;
  const remedy = near === null ? `fleet ${command.name} --help lists its flags` : `did you mean --${near}?`;
  return { message: `unknown flag ${token.rawName}`, remedy };
}

function valueProblem(flag: FlagName, token: OptionToken): UsageProblem | null {
  const { value: wanted } = flagSpec(flag);
  if (wanted === null) {
    return token.value === undefined
      ? null
      : { message: `${token.rawName} takes no value`, remedy: `write ${token.rawName}` };
  }
  const missing = token.value === undefined || token.value === '';
  // `--host --json`: a value that looks like a flag is far more often a forgotten value than a name.
  const swallowed = !token.inline && token.value?.startsWith('-') === true && token.value !== '-';
  if (missing || swallowed) {
    return { message: `${token.rawName} needs a value`, remedy: `write ${token.rawName} ${wanted}` };
  }
  // 0% of failures would mean none at all, and is refused with the sizes of batches.
  if (wanted === 'N|N%' && flag !== 'max-fail' && parseLimit(token.value ?? '') === null) {
    const remedy = `a count, or a percentage up to 100%, as in ${token.rawName} 2 or ${token.rawName} 20%`;
    return { message: `${token.rawName} ${token.value} is not understood`, remedy };
  }
  // Words in small letters are choices, capitals stand for values: `text|json`, `N|N%`.
  const choices = /^[a-z-]+(\|[a-z-]+)+$/.test(wanted) ? wanted.split('|') : null;
  if (choices === null || choices.includes(token.value ?? '')) return null;
  return { message: `${token.rawName} ${token.value} is not known`, remedy: `one of ${choices.join(', ')}` };
}

function operandProblem(command: Command, operands: readonly string[]): UsageProblem | null {
  const missing = command.operands[operands.length];
  if (missing?.required === true) {
    return { message: `fleet ${command.name} needs ${missing.name}`, remedy: `fleet ${command.name} --help` };
  }
  const extra = operands[command.operands.length];
  if (extra === undefined) return null;
  return { message: `fleet ${command.name} takes no argument '${extra}'`, remedy: `fleet ${command.name} --help` };
}
