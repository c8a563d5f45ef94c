/** The second net: secrets that fleet has learnt never leave through a stream, whatever brought them there. */
import type { Masking } from '../observe/masking.ts';
import type { Output } from './context.ts';

export function maskedOutput(output: Output, masking: Masking): Output {
  return {
    write: (text) => output.write(maskLines(text, masking)),
    get isTerminal() {
      return output.isTerminal;
    },
    get columns() {
      return output.columns;
    },
  };
}

/** JSON stays JSON: only its strings are masked, never a number that happens to hold the same digits. */
function maskLines(text: string, masking: Masking): string {
  if (masking.isEmpty() || masking.text(text) === text) return text;
  return text
    .split('\n')
    .map((line) => (line.startsWith('{') ? maskJson(line, masking) : masking.text(line)))
    .join('\n');
}

function maskJson(line: string, masking: Masking): string {
  try {
    return JSON.stringify(masking.data(JSON.parse(line)));
  } catch {
    return masking.text(line);
  }
}
