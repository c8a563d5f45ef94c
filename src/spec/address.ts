/** `<host>/<tenant>/<kind>/<name>`: the one way to name a record, everywhere. Source: docs/contract.md, section 2. */
export const KINDS = ['session', 'unit', 'unit-file', 'env-file', 'heartbeat', 'linger', 'tmux-server'] as const;
export type Kind = (typeof KINDS)[number];

export function parseKind(value: unknown): Kind | null {
  for (const kind of KINDS) if (kind === value) return kind;
  return null;
}

export interface Address {
  readonly host: string;
  readonly tenant: string;
  readonly kind: Kind;
  readonly name: string;
}

export function formatAddress(a: Address): string {
  return `${a.host}/${a.tenant}/${a.kind}/${a.name}`;
}

/** Null where the text is not a full address. Names may not hold a slash. */
export function parseAddress(text: string): Address | null {
  const [host, tenant, kind, name, ...rest] = text.split('/');
  if (!host || !tenant || !kind || !name || rest.length > 0) return null;
  const known = KINDS.find((k) => k === kind);
  return known === undefined ? null : { host, tenant, kind: known, name };
}

/** Its last part; of what is no address all of it. */
export function nameInAddress(address: string): string {
  return address.slice(address.lastIndexOf('/') + 1);
}
