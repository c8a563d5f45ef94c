/** `N|N%` as it is typed. */
import type { Limit } from '../diff/policy.ts';

/** Null for what is neither a whole number nor a percentage from 0% to 100%. */
export function parseLimit(text: string): Limit | null {
  const [, digits, percent] = /^(\d{1,9})(%?)$/.exec(text) ?? [];
  if (digits === undefined) return null;
  const value = Number(digits);
  if (percent !== '%') return { value, unit: 'count' };
  return value <= 100 ? { value, unit: 'percent' } : null;
}
