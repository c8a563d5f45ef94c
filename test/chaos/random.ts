/** Choosing by a seeded source of numbers in [0, 1). */
export type Random = () => number;

export function pick<T>(random: Random, list: readonly T[]): T {
  const chosen = list[Math.floor(random() * list.length)];
  if (chosen === undefined) throw new Error('nothing to choose from');
  return chosen;
}

export const chance = (random: Random, probability: number): boolean => random() < probability;
