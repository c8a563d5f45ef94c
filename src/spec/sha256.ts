import { hash } from 'node:crypto';

/** Hex SHA-256; of text, its UTF-8. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}
