/** At most `count` at a time; the others wait in line. */
export interface Slots {
  /** Resolves with the function that gives the slot back. */
  take(): Promise<() => void>;
}

export function createSlots(count: number): Slots {
  let free = Math.max(1, count);
  const line: (() => void)[] = [];
  const release = () => {
    const next = line.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return {
    take: () => {
      if (free > 0) {
        free -= 1;
        return Promise.resolve(release);
      }
      return new Promise((resolve) => line.push(() => resolve(release)));
    },
  };
}
