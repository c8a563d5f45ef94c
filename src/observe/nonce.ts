import { constants } from 'node:fs';
import { nodeModule } from '../spec/node-own.ts';
import { sys } from './system-calls.ts';

/**
 * Separates fields and rows in what tmux is asked. Names, titles and paths may hold newlines and tabs, so rows could be forged
 * with any separator that is known beforehand; this one is made anew for each question and passed where only tmux reads it.
 * 96 bits in 17 characters: a row of the listing holds it two dozen times, and of a thousand rows half the bytes were nonces
 * of 32. A letter comes first: tmux takes an argument that begins with `-` for a flag.
 */
export function newNonce(): string {
  return `N${randomBytes(12).toString('base64url')}`;
}

/** Hexadecimal digits, two for each byte. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** From the kernel's own source: node:crypto takes 4 ms to load, a tenth of what Node takes to start. */
function randomBytes(count: number): Buffer {
  try {
    const source = sys.open('/dev/urandom', constants.O_RDONLY);
    try {
      const bytes = Buffer.alloc(count);
      if (sys.read(source, bytes, 0, count, null) === count) return bytes;
    } finally {
      sys.close(source);
    }
  } catch {
    // No descriptor left, or no such file here: there is another way.
  }
  return nodeModule('node:crypto').randomBytes(count);
}
