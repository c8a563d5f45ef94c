/** One event on one line, for people. Pure. */
import type { ControlEvent } from '../../reconcile/control/events.ts';
import { paintWith, printable } from './text.ts';

const COLORS: Readonly<Partial<Record<ControlEvent['what'], 'green' | 'red' | 'yellow'>>> = {
  repaired: 'green',
  'repair-failed': 'red',
  'roster-refused': 'red',
  'look-failed': 'red',
  trouble: 'red',
  held: 'yellow',
};

export function formatEvent(event: ControlEvent, color: boolean): string {
  const { at, what, address, agent, action, reason, message, lag_ms } = event;
  const paint = paintWith(color);
  const colour = COLORS[what];
  const subject = address ?? agent;
  const why = action === null ? '' : ` ${action} (${reason ?? ''})`;
  const lag = lag_ms === null ? '' : ` [${lag_ms} ms]`;
  const head = `${at}  ${colour === undefined ? what : paint(colour, what)}`;
  const rest = `${why}${subject === null ? '' : ` ${subject}`}${message === '' ? '' : `: ${message}`}${lag}`;
  return `${head}${printable(rest.replaceAll('\n', ' | '))}\n`;
}
