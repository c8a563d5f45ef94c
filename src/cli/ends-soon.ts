/**
 * Tells V8 that this process lives for a fraction of a second. Its optimizing compiler then takes longer than what it
 * makes faster: without it, and with garbage collected by the one thread that waits for it, `fleet plan` takes a ninth of
 * processor time less for 20 agents, a fifth for 500 (docs/performance.md).
 *
 * Only heuristics that V8 looks up each time it decides; flags that build or drop a part of it crash it when set while
 * it runs (seen with concurrent Sparkplug on Node 20). Names of flags belong to one V8, which complains about others, so
 * this is for that of Node 20 alone. To be called when the code is loaded: V8 refuses code that was cached under other flags.
 */
import { nodeBinding, nodeModule } from '../spec/node-own.ts';

/** Node 20's. */
const V8 = /^11\.3\./;

const FLAGS = [
  // Bytes of bytecode that a function runs before it is considered for optimization: 16 times the default.
  '--interrupt-budget=1081344',
  '--no-parallel-scavenge',
  '--no-incremental-marking',
  '--no-minor-gc-task',
];

/**
 * Its compiler that makes no better code, but makes it fast: worth its time where functions run some hundreds of times
 * (docs/performance.md).
 */
const MANY_AGENTS = 100;

/** `v8`: `process.versions.v8`. `agents`: how many are looked at, as soon as that is known; until then they are few. */
export function endsSoon(v8: string, agents: number | null): void {
  if (!V8.test(v8)) return;
  // node:v8 loads all streams, to write heap snapshots into them.
  const { setFlagsFromString } = nodeBinding('v8') ?? nodeModule('node:v8');
  if (typeof setFlagsFromString !== 'function') return;
  const flags = agents === null ? [...FLAGS, '--no-sparkplug'] : agents < MANY_AGENTS ? [] : ['--sparkplug'];
  for (const flag of flags) setFlagsFromString(flag);
}
