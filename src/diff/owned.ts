/** What the inventory says is ours. A mark says who made a thing; the record says that this fleet still means to keep it. */
import type { Kind } from '../spec/address.ts';
import { onceOf } from '../spec/kept.ts';
import type { OwnedRecord, PlanMemory } from './policy.ts';

/** Null where there is none, and where a person let go of it. */
export function recordFor(memory: PlanMemory, kind: Kind, name: string): OwnedRecord | null {
  const record = lookUp(memory, kind, name);
  return record === null || record.how === 'forgotten' ? null : record;
}

/** A person let go of it: what mark it still bears counts for nothing. */
export function isForgotten(memory: PlanMemory, kind: Kind, name: string): boolean {
  return lookUp(memory, kind, name)?.how === 'forgotten';
}

function lookUp(memory: PlanMemory, kind: Kind, name: string): OwnedRecord | null {
  const key = `${kind}/${name}`;
  return Object.hasOwn(memory.owned, key) ? (memory.owned[key] ?? null) : null;
}

/** All that is ours of one agent, on the roster or not. */
export function recordsOf(memory: PlanMemory, agent: string): readonly OwnedRecord[] {
  return byAgent(memory.owned).get(agent) ?? [];
}

/** Agents of which anything is ours. */
export function agentsOwned(memory: PlanMemory): Iterable<string> {
  return byAgent(memory.owned).keys();
}

/** What nobody let go of. The same records are asked for in each plan, for each agent that has left. */
const byAgent = onceOf((owned: PlanMemory['owned']): ReadonlyMap<string, readonly OwnedRecord[]> => {
  const index = new Map<string, OwnedRecord[]>();
  for (const record of Object.values(owned)) {
    const { agent, how } = record;
    if (agent === null || how === 'forgotten') continue;
    const others = index.get(agent);
    if (others === undefined) index.set(agent, [record]);
    else others.push(record);
  }
  return index;
});

/** The text that a unit file of layout mosaic is kept at, null where it is not kept. */
export function adoptedUnitFile(memory: PlanMemory, name: string): string | null {
  const record = recordFor(memory, 'unit-file', name);
  return record?.how === 'adopted' ? record.content : null;
}
