/** How often something was done, as a reader says it. */
export const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
