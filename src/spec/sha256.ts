import { nodeBinding, nodeModule } from './node-own.ts';

type Digest = (data: string | Uint8Array) => string;

let digest: Digest | null = null;

/** Hex SHA-256; of text, its UTF-8. */
export function sha256(data: string | Uint8Array): string {
  digest ??= digestOfNode();
  return digest(data);
}

/** `version`: of Node. Default: of this one. */
export function digestOfNode(version?: string): Digest {
  return boundDigest(version) ?? ((data) => nodeModule('node:crypto').hash('sha256', data, 'hex'));
}

/** What node:crypto's own `hash` calls (lib/internal/crypto/hash.js of Node 20). */
function boundDigest(version: string | undefined): Digest | null {
  const binding = nodeBinding('crypto', version);
  if (typeof binding?.['oneShotDigest'] !== 'function' || typeof binding['getCachedAliases'] !== 'function')
    return null;
  const { oneShotDigest, getCachedAliases } = binding as {
    readonly getCachedAliases: () => Readonly<Record<string, number>>;
    readonly oneShotDigest: (...args: readonly unknown[]) => string;
  };
  // It notes in there what it has found, and need not look for it again.
  const known = getCachedAliases();
  return (data) => oneShotDigest('sha256', known['sha256'] ?? -1, known, data, 'hex', undefined);
}
