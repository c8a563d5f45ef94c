/**
 * Strikes out secret values wherever they turn up derived: on a dead pane's last lines, in a title, a program's name, an
 * error's words. It learns the values where observing reads them anyway, to tell whether an agent was started with them.
 */
import { formsOf, type SecretForm } from '../spec/secret-forms.ts';

export interface Masking {
  /** From now on this value is struck out. */
  readonly learn: (value: string) => void;
  /** Nothing has been learnt: nothing is ever changed. */
  readonly isEmpty: () => boolean;
  /** Of values, so far. */
  readonly known: () => number;
  readonly text: (text: string) => string;
  /** Every string in plain data, keys excepted; the same object where there is nothing to strike out. */
  readonly data: (data: unknown) => unknown;
}

const MASK = '***';

export function createMasking(): Masking {
  const known = new Set<string>();
  let forms: readonly SecretForm[] = [];
  const learn = (value: string): void => {
    if (known.has(value)) return;
    known.add(value);
    // The longest first: what is left of a longer form must not be taken for a shorter one.
    forms = [...forms, ...formsOf(value)].sort((a, b) => b.text.length - a.text.length);
  };
  const text = (from: string): string => {
    let masked = from;
    for (const form of forms) if (masked.includes(form.text)) masked = strike(masked, form);
    return masked;
  };
  const data = (from: unknown): unknown => (forms.length === 0 ? from : maskData(from, text));
  return { learn, isEmpty: () => forms.length === 0, known: () => known.size, text, data };
}

function strike(text: string, form: SecretForm): string {
  if (!form.alone) return text.replaceAll(form.text, MASK);
  const literal = form.text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}_])${literal}(?![\\p{L}\\p{N}_])`, 'gu'), MASK);
}

function maskData(value: unknown, text: (text: string) => string): unknown {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return value.map((inner: unknown) => maskData(inner, text));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, maskData(inner, text)]));
}
