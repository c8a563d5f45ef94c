/**
 * Whether what a person typed (`--target`, `--exclude`, an ignore rule) means this address: a full address, `kind/name`,
 * or an agent's bare name, which means all that serves it and never just the last part of an address.
 */
export function matchesTarget(target: string, address: string, agent: string | null): boolean {
  if (!target.includes('/')) return agent === target;
  return target === address || address.endsWith(`/${target}`);
}
