/**
 * Reads and writes D-Bus values, little-endian, just the types that systemd's manager interface needs.
 * Source: D-Bus specification 0.42, "Marshaling (Wire Format)". Alignment counts from the first byte of the message,
 * and both a header and a body begin at a multiple of 8, so either may be read on its own.
 */

/** Appends values to a buffer that grows. */
export class WireWriter {
  #bytes = Buffer.alloc(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  take(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  align(boundary: number): void {
    const padding = (boundary - (this.#length % boundary)) % boundary;
    this.#reserve(padding);
    this.#bytes.fill(0, this.#length, this.#length + padding);
    this.#length += padding;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#length = this.#bytes.writeUInt8(value, this.#length);
  }

  uint32(value: number): void {
    this.align(4);
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
  }

  /** A string or an object path: both are written alike. */
  string(value: string): void {
    const size = Buffer.byteLength(value);
    this.uint32(size);
    this.#reserve(size + 1);
    this.#bytes.write(value, this.#length);
    this.#bytes[this.#length + size] = 0;
    this.#length += size + 1;
  }

  signature(value: string): void {
    this.byte(value.length);
    this.#reserve(value.length + 1);
    this.#bytes.write(value, this.#length, 'latin1');
    this.#bytes[this.#length + value.length] = 0;
    this.#length += value.length + 1;
  }

  /** An array of strings, `as`. */
  strings(values: readonly string[]): void {
    this.uint32(0);
    const start = this.#length;
    for (const value of values) this.string(value);
    this.#bytes.writeUInt32LE(this.#length - start, start - 4);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/**
 * Reads values in turn. The first that does not fit makes the reader `broken` for good: from then on every read gives
 * an empty value, and the caller asks `broken` once at the end. Nothing here throws, whatever the bytes.
 */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;
  #broken = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get broken(): boolean {
    return this.#broken;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  align(boundary: number): void {
    this.#skip((boundary - (this.#at % boundary)) % boundary);
  }

  byte(): number {
    const at = this.#skip(1);
    return at === null ? 0 : this.#bytes.readUInt8(at);
  }

  uint32(): number {
    this.align(4);
    const at = this.#skip(4);
    return at === null ? 0 : this.#bytes.readUInt32LE(at);
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
    if (end > this.#bytes.length) this.#broken = true;
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

  /** The bytes from here on are somebody else's: moves past `size` of them. */
  skip(size: number): void {
    this.#skip(size);
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
    if (this.#broken || this.#at + size > this.#bytes.length) {
      this.#broken = true;
      return null;
    }
    const at = this.#at;
    this.#at += size;
    return at;
  }
}
