/** Whether what a person typed (`--target`, `--exclude`, an ignore rule) means this address. */
export function matchesTarget(target: string, address: string, agent: string | null): boolean {
  if (target === address || address.endsWith(`/${target}`)) {
    // `kind/name` matches the tail of an address; a bare word must never match just its last part.
    return target.includes('/');
  }
  return !target.includes('/') && agent === target;
}
