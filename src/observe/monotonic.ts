/** Not `performance`, which takes Node 2 ms to load. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
