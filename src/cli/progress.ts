/** Apply's progress on stderr: a live line on a terminal, plain lines elsewhere. */
import type { ApplyEvent } from '../reconcile/outcome.ts';
import type { Output } from './context.ts';
import { formatActivity, formatEvent } from './views/apply-text.ts';
import { paintWith } from './views/text.ts';

export interface Progress {
  readonly show: (event: ApplyEvent) => void;
  /** Takes the live line away. */
  readonly end: () => void;
}

const ERASE = '\r\u001b[K';

export function openProgress(output: Output, total: number, color: boolean): Progress {
  const paint = paintWith(color && output.isTerminal);
  let done = 0;
  if (total > 0) output.write('\n');
  const live = (text: string): void => {
    if (output.isTerminal) output.write(`${ERASE}${clip(`${done}/${total} ${text}`, output.columns ?? 80)}`);
  };
  return {
    show: (event) => {
      const activity = formatActivity(event);
      if (activity !== null) live(activity);
      const line = formatEvent(event, paint);
      if (line === null) return;
      done += 1;
      output.write(output.isTerminal ? `${ERASE}${line}` : line);
    },
    end: () => {
      if (output.isTerminal) output.write(ERASE);
    },
  };
}

/** One line only: what wraps could not be erased again. */
function clip(text: string, columns: number): string {
  return text.length < columns ? text : `${text.slice(0, Math.max(0, columns - 2))}…`;
}
