/** Counters and pauses as the plan takes them: so plan, apply and run hold back the same. */

import type { CrashLoop, Pause, PlanHolds } from '../../diff/plan-holds.ts';
import { matchesTarget } from '../../diff/target.ts';
import { nameInAddress } from '../../spec/address.ts';
import { put } from '../../spec/record.ts';
import { addressIn, type Counters, keepEntries } from './counters.ts';
import type { Reset } from './pauses.ts';

/** `PlanMemory.holds`. Resets that the controller has not taken in yet count already. */
export function holdsOf(counters: Counters, pauses: readonly Pause[], resets: readonly Reset[]): PlanHolds {
  const left = applyResets(counters, resets);
  const crash_loops: Record<string, CrashLoop> = {};
  for (const [name, { crash_loop }] of Object.entries(left.agents)) {
    if (crash_loop !== null) put(crash_loops, name, crash_loop);
  }
  const contested = Object.values(left.repairs).flatMap((r) => (r.contested === null ? [] : [r.contested]));
  return { crash_loops, contested, pauses };
}

/** Latches, backoffs and fights of what each reset names are gone. */
export function applyResets(counters: Counters, resets: readonly Reset[]): Counters {
  return resets.reduce(applyReset, counters);
}

function applyReset(counters: Counters, { target }: Reset): Counters {
  if (target === null) return { ...counters, agents: {}, retries: {}, repairs: {}, looks: {} };
  const agents = keepEntries(counters.agents, (name) => !means(target, name));
  const gone = (address: string): boolean => matchesTarget(target, address, agentOf(address));
  return {
    ...counters,
    agents,
    retries: keepEntries(counters.retries, (key) => !gone(addressIn(key))),
    repairs: keepEntries(counters.repairs, (key) => !gone(addressIn(key))),
    looks: keepEntries(counters.looks, (address) => !gone(address)),
  };
}

/** An agent's own name, or its session by `session/NAME` or the full address. */
function means(target: string, agent: string): boolean {
  return target === agent || `/${target}`.endsWith(`/session/${agent}`);
}

/** The agent that an address serves, as far as its name tells: `unit/fleet-agent@NAME.service`, `env-file/NAME.argv`, … */
function agentOf(address: string): string {
  const name = nameInAddress(address);
  return /@([^.]+)\.service$/.exec(name)?.[1] ?? name.replace(/\.argv$/, '');
}
