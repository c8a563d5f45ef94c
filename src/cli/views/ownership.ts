/** What `adopt` and `forget` are about to do, refuse, and have done: as text and as one JSON document. Pure. */
import type { Adoption, Refusal } from '../../diff/adoption.ts';
import type { Forgetting, LettingGo } from '../../diff/letting-go.ts';
import type { Adopted } from '../../reconcile/adopt.ts';
import type { ExitCode } from '../exit-codes.ts';
import { printable } from './text.ts';

const indented = (lines: readonly string[]): string => lines.map((line) => `    ${printable(line)}\n`).join('');

export function formatTakes({ takes, already }: Adoption): string {
  const ours = already.map((address) => `= ${printable(address)}  ours already\n`);
  const taken = takes.map(({ address, evidence }) => `+ ${printable(address)}  adopt\n${indented(evidence)}`);
  const what =
    'Nothing of it ends or restarts now. From now on it may be repaired, restarted and, off the roster, pruned.\n';
  return [...ours, ...taken, takes.length === 0 ? '' : what].join('');
}

export function formatGoes(goes: readonly LettingGo[]): string {
  return goes
    .map(
      ({ address, unmark }) =>
        `- ${printable(address)}  forget${unmark.length > 0 ? ', its mark is taken away' : ''}\n`,
    )
    .join('');
}

/** Each with the guard that refuses it, why, and what helps. */
export function formatRefusals(verb: 'adopt' | 'forget', refused: readonly Refusal[]): string {
  return refused
    .map(({ address, guard, evidence, remedy }) => {
      const lines = [...evidence.map((e) => `because: ${e}`), `to go on: ${remedy}`];
      return `! ${printable(address)}  ${verb} refused by ${guard}\n${indented(lines)}`;
    })
    .join('');
}

export function formatAdopted(adopted: readonly Adopted[]): string {
  return adopted
    .map(({ address, outcome, failure }) => {
      if (failure === null) return `${outcome.padEnd(8)} ${printable(address)}\n`;
      const more = [...failure.evidence, ...(failure.remedy === null ? [] : [`next: ${failure.remedy}`])];
      return `${outcome.padEnd(8)} ${printable(address)}: ${printable(`${failure.summary}: ${failure.detail}`)}\n${indented(more)}`;
    })
    .join('');
}

interface Told {
  readonly target: string;
  readonly adopted: readonly Adopted[];
  readonly exitCode: ExitCode;
}

export function adoptDocument({ already, refused }: Adoption, { target, adopted, exitCode }: Told): object {
  return { format_version: '1.0', kind: 'fleet.adopt', target, adopted, already, refused, exit_code: exitCode };
}

export function forgetDocument({ refused }: Forgetting, { target, adopted, exitCode }: Told): object {
  return { format_version: '1.0', kind: 'fleet.forget', target, forgotten: adopted, refused, exit_code: exitCode };
}
