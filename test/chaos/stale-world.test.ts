/** Between a saved plan and its making the world moves: nothing that moved is destroyed, stopped or overwritten. */
import { afterAll, describe, expect, test } from 'vitest';
import { tmuxLacking } from '../reconcile/real-host.ts';
import { onHosts } from './hosts.ts';
import { staleRound } from './stale-memory.ts';
import { AGENTS, realRound } from './stale-real.ts';
import { chooseSeed, randomFrom, report, rounds } from './suite.ts';

const SEED = chooseSeed();
const IN_MEMORY = rounds(440, 4_400);
const ON_TMUX = rounds(60, 600);
/** Hosts side by side: rounds mostly wait. */
const HOSTS = 3;
const counts: Record<string, number> = {};
const violations: string[] = [];
let done = 0;
const began = Date.now();

function add(more: Readonly<Record<string, number>>): void {
  for (const [what, n] of Object.entries(more)) counts[what] = (counts[what] ?? 0) + n;
}

afterAll(() =>
  report({
    suite: 'stale world',
    rounds: done,
    violations: violations.length,
    seed: SEED,
    seconds: (Date.now() - began) / 1000,
    counts,
  }),
);

describe('in memory', () => {
  test('whatever moved is left alone', async () => {
    for (let round = 0; round < IN_MEMORY; round += 1) {
      const end = await staleRound(randomFrom(SEED + round));
      violations.push(...end.violations.map((v) => `seed ${SEED}, round ${round}: ${v}`));
      add(end.counts);
      done += 1;
    }
    expect(violations).toEqual([]);
    // The faults were real, and plans are made where nothing moved.
    for (const what of [
      'applied',
      'stale',
      'already-satisfied',
      'deferred-busy',
      'deferred-attached',
      'refused whole',
    ]) {
      expect([what, (counts[what] ?? 0) > 0]).toEqual([what, true]);
    }
  });
});

describe('on a real tmux', () => {
  test('whatever moved is left alone', async ({ skip }) => {
    const lacking = tmuxLacking();
    if (lacking !== null) skip(lacking);
    const broken: string[] = [];
    await onHosts(
      { hosts: HOSTS, rounds: ON_TMUX, agents: AGENTS.map((name) => `{ name: ${name} }`), hurry: 10 },
      async (host, round) => {
        const end = await realRound(host, randomFrom(SEED + 1_000_000 + round));
        broken.push(...end.violations.map((v) => `seed ${SEED}, round ${round} on tmux: ${v}`));
        add(end.counts);
        done += 1;
      },
      async (host) => {
        await host.apply(await host.plan(), 50);
      },
    );
    violations.push(...broken);
    expect(broken).toEqual([]);
  });
});
