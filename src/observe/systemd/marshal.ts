/**
 * Reads and writes D-Bus values, little-endian, just the types that systemd's manager interface needs.
 * Source: D-Bus specification 0.42, "Marshaling (Wire Format)". Alignment counts from the first byte of the message,
 * and both a header and a body begin at a multiple of 8, so either may be read on its own.
 */

/**
 * Appends values to one buffer that grows, message after message: a buffer for each of a thousand small messages made
 * garbage collection the dearest part of an observation.
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(4096);
  #at = 0;
  /** Where the message began: alignment counts from there. */
  #start = 0;

  /** Bytes of the message so far. */
  get length(): number {
    return this.#at - this.#start;
  }

  beginMessage(): void {
    this.#start = this.#at;
  }

  /** All messages since the last `take`. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#at);
    this.#bytes = Buffer.allocUnsafe(4096);
    this.#at = 0;
    this.#start = 0;
    return taken;
  }

  align(boundary: number): void {
    const padding = (boundary - (this.length % boundary)) % boundary;
    this.#reserve(padding);
    for (let i = 0; i < padding; i += 1) this.#bytes[this.#at + i] = 0;
    this.#at += padding;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  /** Gives the value's place, for `patch`. */
  uint32(value: number): number {
    this.align(4);
    this.#reserve(4);
    const place = this.length;
    this.#at = this.#bytes.writeUInt32LE(value, this.#at);
    return place;
  }

  patch(place: number, value: number): void {
    this.#bytes.writeUInt32LE(value, this.#start + place);
  }

  /** A string or an object path: both are written alike. */
  string(value: string): void {
    const place = this.uint32(0);
    this.patch(place, this.#text(value));
  }

  /** Types as ASCII, at most 255 of them. */
  signature(value: string): void {
    this.byte(value.length);
    this.#text(value);
  }

  /** An array of strings, `as`. */
  strings(values: readonly string[]): void {
    const place = this.uint32(0);
    const start = this.length;
    for (const value of values) this.string(value);
    this.patch(place, this.length - start);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** The text and a zero byte; gives the text's size in bytes. */
  #text(value: string): number {
    this.#reserve(value.length * 3 + 1);
    const size = this.#bytes.write(value, this.#at);
    this.#bytes[this.#at + size] = 0;
    this.#at += size + 1;
    return size;
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + more));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

/**
 * Reads values in turn. The first that does not fit makes the reader `broken` for good: from then on every read gives
 * an empty value, and the caller asks `broken` once at the end. Nothing here throws, whatever the bytes.
 */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;
  #at: number;
  #broken = false;

  /** Reads `bytes` from `start` to `end`; alignment counts from `start`. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
    this.#end = Math.min(end, bytes.length);
  }

  get broken(): boolean {
    return this.#broken;
  }

  get atEnd(): boolean {
    return this.#at === this.#end;
  }

  /** What was read by other means does not fit. */
  break(): void {
    this.#broken = true;
  }

  /** All that was not read yet, as it lies there; read by that. */
  rest(): Buffer {
    const from = this.#at;
    this.#at = this.#end;
    return this.#bytes.subarray(from, this.#end);
  }

  align(boundary: number): void {
    this.#skip((boundary - ((this.#at - this.#start) % boundary)) % boundary);
  }

  byte(): number {
    const at = this.#skip(1);
    return at === null ? 0 : this.#bytes.readUInt8(at);
  }

  uint32(): number {
    this.align(4);
    const at = this.#skip(4);
    return at === null ? 0 : uint32At(this.#bytes, at);
  }

  /** `t`; systemd's times in microseconds stay below 2^53, and its "infinity" (2^64-1) only has to stay large. */
  uint64(): number {
    this.align(8);
    const at = this.#skip(8);
    return at === null ? 0 : Number(this.#bytes.readBigUInt64LE(at));
  }

  /** 0 or 1 in a u32; any other value is no boolean. */
  boolean(): boolean {
    const value = this.uint32();
    if (value > 1) this.#broken = true;
    return value === 1;
  }

  /** A string or an object path. */
  string(): string {
    const size = this.uint32();
    return this.#text(size);
  }

  signature(): string {
    const size = this.byte();
    return this.#text(size);
  }

  /** An array whose elements are aligned to `boundary` bytes (structs 8, strings 4). */
  array<T>(boundary: number, element: (reader: WireReader) => T): readonly T[] {
    const size = this.uint32();
    this.align(boundary);
    const end = this.#at + size;
    if (end > this.#end) this.#broken = true;
    const values: T[] = [];
    while (!this.#broken && this.#at < end) {
      const before = this.#at;
      values.push(element(this));
      if (this.#at === before || this.#at > end) this.#broken = true;
    }
    return values;
  }

  strings(): readonly string[] {
    return this.array(4, (r) => r.string());
  }

  struct<T>(fields: (reader: WireReader) => T): T {
    this.align(8);
    return fields(this);
  }

  /** A variant that must hold exactly the type `signature`. */
  variant<T>(signature: string, value: (reader: WireReader) => T): T {
    if (this.signature() !== signature) this.#broken = true;
    return value(this);
  }

  /** A string or an object path that nobody needs. */
  skipString(): void {
    this.#skip(this.uint32() + 1);
  }

  #text(size: number): string {
    const at = this.#skip(size + 1);
    if (at === null) return '';
    if (this.#bytes[at + size] !== 0) {
      this.#broken = true;
      return '';
    }
    return this.#bytes.toString('utf8', at, at + size);
  }

  #skip(size: number): number | null {
    if (this.#broken || this.#at + size > this.#end) {
      this.#broken = true;
      return null;
    }
    const at = this.#at;
    this.#at += size;
    return at;
  }
}

/** What Buffer's own method makes an array for, each time, to check again what was checked. */
function uint32At(bytes: Buffer, at: number): number {
  const byte = (index: number): number => bytes[at + index] as number;
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
}
