/**
 * D-Bus messages: a method call written, a message read. Source: D-Bus specification 0.42, "Message Format".
 * Only little-endian messages are understood: systemd and the bus answer in the byte order of the host, which for every
 * machine that runs Node is little-endian save s390x and AIX; there the answer is called garbage and systemctl is asked.
 */
import { WireReader, type WireWriter } from './marshal.ts';

export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** Signature of the body, '' where there is none. */
  readonly signature: string;
  readonly body: (writer: WireWriter) => void;
}

export interface BusMessage {
  readonly type: 'call' | 'return' | 'error' | 'signal';
  /** Serial of the call that this answers, null where it answers none. */
  readonly replyTo: number | null;
  readonly errorName: string | null;
  /** Of a signal, what it is about and what it says: object path, interface and member; '' in an answer. */
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature: string;
  /** To be read once. */
  readonly body: WireReader;
}

const TYPES = ['call', 'return', 'error', 'signal'] as const;
const FIELD = { path: 1, interface: 2, member: 3, errorName: 4, replySerial: 5, destination: 6, signature: 8 };
/**
 * Not NO_AUTO_START: a user's bus comes up with its first client, before the manager has joined it. With that flag the
 * first call is then refused with NameHasNoOwner; without it the bus keeps the call until the manager is there, and
 * starts nothing. Measured with dbus-daemon 1.14 and systemd 252.
 */
const NO_FLAGS = 0;
const LITTLE_ENDIAN = 0x6c;
const PROTOCOL = 1;

/** Appends one whole message to what the writer holds. */
export function writeCall(writer: WireWriter, call: MethodCall, serial: number): void {
  writer.beginMessage();
  writer.byte(LITTLE_ENDIAN);
  writer.byte(1 + TYPES.indexOf('call'));
  writer.byte(NO_FLAGS);
  writer.byte(PROTOCOL);
  const bodySize = writer.uint32(0);
  writer.uint32(serial);
  const fieldsSize = writer.uint32(0);
  writeField(writer, FIELD.path, 'o', call.path);
  writeField(writer, FIELD.destination, 's', call.destination);
  writeField(writer, FIELD.interface, 's', call.interface);
  writeField(writer, FIELD.member, 's', call.member);
  if (call.signature !== '') writeField(writer, FIELD.signature, 'g', call.signature);
  writer.patch(fieldsSize, writer.length - FIXED_HEADER_BYTES);
  writer.align(8);
  const bodyStart = writer.length;
  call.body(writer);
  writer.patch(bodySize, writer.length - bodyStart);
}

function writeField(writer: WireWriter, code: number, type: 's' | 'o' | 'g', value: string): void {
  writer.align(8);
  writer.byte(code);
  writer.signature(type);
  if (type === 'g') writer.signature(value);
  else writer.string(value);
}

/** The largest message that is believed; the specification allows 128 MiB, a listing of 1,000 units is 0.3 MiB. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Bytes that must be there before `messageSize` can tell anything. */
export const FIXED_HEADER_BYTES = 16;

/** Size of the message that begins `at` in `bytes`, where at least the fixed header is there. */
export function messageSize(bytes: Buffer, at: number): number | 'garbage' | 'too-large' {
  if (bytes[at] !== LITTLE_ENDIAN || bytes[at + 3] !== PROTOCOL) return 'garbage';
  const size = FIXED_HEADER_BYTES + padded(bytes.readUInt32LE(at + 12)) + bytes.readUInt32LE(at + 4);
  return size > MAX_MESSAGE_BYTES ? 'too-large' : size;
}

const padded = (size: number): number => Math.ceil(size / 8) * 8;

/** Reads the message of `size` bytes that begins `at` in `bytes`, both as `messageSize` told. */
export function decodeMessage(bytes: Buffer, at: number, size: number): BusMessage | 'garbage' {
  const type = TYPES[bytes.readUInt8(at + 1) - 1];
  if (type === undefined) return 'garbage';
  const fieldsStart = at + FIXED_HEADER_BYTES;
  const fieldsSize = bytes.readUInt32LE(at + 12);
  const fields = readFields(new WireReader(bytes, fieldsStart, fieldsStart + fieldsSize));
  if (fields === null) return 'garbage';
  return { type, ...fields, body: new WireReader(bytes, fieldsStart + padded(fieldsSize), at + size) };
}

function readFields(reader: WireReader): Omit<BusMessage, 'type' | 'body'> | null {
  let replyTo: number | null = null;
  let errorName: string | null = null;
  let signature = '';
  const texts = { path: '', interface: '', member: '' };
  while (!reader.atEnd && !reader.broken) {
    reader.align(8);
    const code = reader.byte();
    const type = reader.signature();
    if (type === 'u') {
      const number = reader.uint32();
      if (code === FIELD.replySerial) replyTo = number;
    } else if (type === 's' || type === 'o') {
      if (code === FIELD.errorName) errorName = reader.string();
      else if (code === FIELD.path) texts.path = reader.string();
      else if (code === FIELD.interface) texts.interface = reader.string();
      else if (code === FIELD.member) texts.member = reader.string();
      else reader.skipString();
    } else if (type === 'g') {
      const text = reader.signature();
      if (code === FIELD.signature) signature = text;
    } else return null;
  }
  return reader.broken ? null : { replyTo, errorName, ...texts, signature };
}
