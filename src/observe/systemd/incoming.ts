/** The bytes that a bus sends, as messages. */
import type { BusFailure } from './bus.ts';
import { type BusMessage, decodeMessage, FIXED_HEADER_BYTES, messageSize } from './message.ts';

/** The one line before the messages is `OK` and 32 hex digits, or a refusal. */
const MAX_AUTH_LINE = 4096;

/** Cuts the stream of bytes into the line of the authentication and messages. */
export class Incoming {
  readonly #limit: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** How many bytes must be there before it is worth looking again. */
  #needed = 1;
  #total = 0;
  #authenticated = false;

  /** Bytes that are read at most, over the whole connection. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Buffer, deliver: (message: BusMessage) => void): Pick<BusFailure, 'why' | 'detail'> | null {
    this.#total += chunk.length;
    if (this.#total > this.#limit) return { why: 'too-large', detail: 'sends without end' };
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes < this.#needed) return null;
    const bytes = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending);
    let at = 0;
    if (!this.#authenticated) {
      const end = bytes.indexOf('\r\n', 0, 'latin1');
      if (end === -1 && bytes.length <= MAX_AUTH_LINE) return this.#keep(bytes, bytes.length + 1);
      const line = bytes.toString('latin1', 0, Math.min(Math.max(end, 0), MAX_AUTH_LINE));
      if (line.startsWith('REJECTED')) return { why: 'denied', detail: 'refused this user' };
      if (!line.startsWith('OK')) return { why: 'garbage', detail: 'does not speak D-Bus' };
      this.#authenticated = true;
      at = end + 2;
    }
    while (bytes.length - at >= FIXED_HEADER_BYTES) {
      const size = messageSize(bytes, at);
      if (size === 'garbage') return { why: 'garbage', detail: 'sent something that is no D-Bus message' };
      if (size === 'too-large') return { why: 'too-large', detail: 'announced a message that is too large' };
      if (bytes.length - at < size) return this.#keep(bytes.subarray(at), size);
      const message = decodeMessage(bytes, at, size);
      if (message === 'garbage') return { why: 'garbage', detail: 'sent a D-Bus message that cannot be read' };
      deliver(message);
      at += size;
    }
    return this.#keep(bytes.subarray(at), FIXED_HEADER_BYTES);
  }

  #keep(rest: Buffer, needed: number): null {
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
    this.#needed = needed;
    return null;
  }
}
