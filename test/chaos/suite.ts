/**
 * What the suites under test/chaos share: how many rounds, from which seed, and where the counts go.
 *
 * Environment: `FLEET_CHAOS=long` for the long form, `FLEET_CHAOS_SEED=N` to repeat a run, `FLEET_CHAOS_REPORT=FILE` for
 * the file to which each suite appends its counts as one line of JSON (`npm run chaos` prints them as a table),
 * `FLEET_CHAOS_PROGRESS=FILE` for how far a long run has come.
 */
import { appendFileSync } from 'node:fs';

export interface SuiteReport {
  /** As in the table of docs/reliability.md: `crash points`, `together`, ... */
  readonly suite: string;
  /** Faults injected, or worlds tried: the number that the suite promises. */
  readonly rounds: number;
  /** Rounds in which something that must hold did not. */
  readonly violations: number;
  /** Null where nothing is random. */
  readonly seed: number | null;
  readonly seconds: number;
  /** What happened in these rounds, by the suite's own words: how the report shows that the faults were real. */
  readonly counts: Readonly<Record<string, number>>;
}

export const LONG = process.env['FLEET_CHAOS'] === 'long';

/** The short form runs in `npm run verify`, the long one by `npm run chaos -- --long`. */
export function rounds(short: number, long: number): number {
  return LONG ? long : short;
}

/** A 31-bit seed: that of the environment, or a new one. */
export function chooseSeed(): number {
  const given = process.env['FLEET_CHAOS_SEED'];
  if (given !== undefined && /^\d+$/.test(given)) return Number(given) % 0x7fff_ffff;
  return Math.floor(Math.random() * 0x7fff_ffff);
}

/** The same numbers in [0, 1) for the same seed, on every machine (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Also when the suite failed: call it from `afterAll`. */
export function report(counts: SuiteReport): void {
  const file = process.env['FLEET_CHAOS_REPORT'];
  const line = `${JSON.stringify(counts)}\n`;
  if (file === undefined) process.stderr.write(line);
  else appendFileSync(file, line);
}

/** So that a run that is cut off has said how much of it went well. */
export function progress(suite: string, done: string): void {
  const file = process.env['FLEET_CHAOS_PROGRESS'];
  if (file !== undefined) appendFileSync(file, `${new Date().toISOString()} ${suite}: ${done}\n`);
}
