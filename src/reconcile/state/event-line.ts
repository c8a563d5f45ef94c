/** A line of the journal of events, read. */
import type { ControlEvent } from '../control/events.ts';
import { type Fields, isFields, isNumber, isText, isTextOrNull } from './document.ts';

/** Null for a line that is no event. */
export function parseControlEvent(fields: Fields): ControlEvent | null {
  return isEvent(fields) ? fields : null;
}

const isEvent = (value: unknown): value is ControlEvent =>
  isFields(value) &&
  ['at', 'what', 'message'].every((name) => isText(value[name])) &&
  ['address', 'agent', 'action', 'reason'].every((name) => isTextOrNull(value[name])) &&
  isNumber(value['pass']);
