/** What somebody changes while a plan is made, and how to see that it was left alone. */
import { parseSavedPlan, renderSavedPlan, type SavedPlan } from '../../src/diff/saved-plan.ts';

export interface RoundEnd {
  /** What was broken although somebody had changed it; empty where all was left alone. */
  readonly violations: readonly string[];
  /** By kind of change, and of what came of the plan. */
  readonly counts: Readonly<Record<string, number>>;
}

/** What somebody changed, and how it is now: equal before and after, or it was not left alone. */
export interface Moved {
  readonly what: string;
  readonly now: () => string;
}

export interface Ledger {
  /** Somebody changes something: what was broken until then is noted, and what they left is what counts from then on. */
  readonly move: (change: () => Moved | null) => Moved | null;
  readonly broken: () => readonly string[];
}

export function openLedger(): Ledger {
  const entries: { readonly it: Moved; left: string }[] = [];
  const violations: string[] = [];
  const look = () => {
    for (const { it, left } of entries) {
      const now = it.now();
      if (now !== left) violations.push(`${it.what}: ${left} -> ${now}`);
    }
  };
  return {
    move: (change) => {
      look();
      const it = change();
      for (const entry of entries) entry.left = entry.it.now();
      if (it !== null) entries.push({ it, left: it.now() });
      return it;
    },
    broken: () => {
      look();
      return violations;
    },
  };
}

/** As a person carries it: written, and read again. */
export function throughFile(plan: SavedPlan): SavedPlan {
  const read = parseSavedPlan(renderSavedPlan(plan));
  if (!read.ok) throw new Error(read.error.detail);
  return read.value;
}
