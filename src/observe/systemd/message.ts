/**
 * D-Bus messages: a method call written, a message read. Source: D-Bus specification 0.42, "Message Format".
 * Only little-endian messages are understood: systemd and the bus answer in the byte order of the host, which for every
 * machine that runs Node is little-endian save s390x and AIX; there the answer is called garbage and systemctl is asked.
 */
import { WireReader, WireWriter } from './marshal.ts';

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
  readonly signature: string;
  readonly body: Buffer;
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

export function encodeCall(call: MethodCall, serial: number): Buffer {
  const body = new WireWriter();
  call.body(body);
  const message = new WireWriter();
  message.byte(LITTLE_ENDIAN);
  message.byte(1 + TYPES.indexOf('call'));
  message.byte(NO_FLAGS);
  message.byte(PROTOCOL);
  message.uint32(body.length);
  message.uint32(serial);
  const fields = new WireWriter();
  textField(fields, FIELD.path, 'o', call.path);
  textField(fields, FIELD.destination, 's', call.destination);
  textField(fields, FIELD.interface, 's', call.interface);
  textField(fields, FIELD.member, 's', call.member);
  if (call.signature !== '') {
    fields.align(8);
    fields.byte(FIELD.signature);
    fields.signature('g');
    fields.signature(call.signature);
  }
  message.uint32(fields.length);
  message.raw(fields.take());
  message.align(8);
  message.raw(body.take());
  return message.take();
}

function textField(writer: WireWriter, code: number, type: 's' | 'o', value: string): void {
  writer.align(8);
  writer.byte(code);
  writer.signature(type);
  writer.string(value);
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

/** `bytes` is one whole message, as `messageSize` cut it. */
export function decodeMessage(bytes: Buffer): BusMessage | 'garbage' {
  const type = TYPES[bytes.readUInt8(1) - 1];
  if (type === undefined) return 'garbage';
  const fieldsSize = bytes.readUInt32LE(12);
  const fields = readFields(new WireReader(bytes.subarray(FIXED_HEADER_BYTES, FIXED_HEADER_BYTES + fieldsSize)));
  if (fields === null) return 'garbage';
  return { type, ...fields, body: bytes.subarray(FIXED_HEADER_BYTES + padded(fieldsSize)) };
}

function readFields(reader: WireReader): Pick<BusMessage, 'replyTo' | 'errorName' | 'signature'> | null {
  let replyTo: number | null = null;
  let errorName: string | null = null;
  let signature = '';
  while (!reader.atEnd && !reader.broken) {
    reader.align(8);
    const code = reader.byte();
    const type = reader.signature();
    if (type === 'u') {
      const number = reader.uint32();
      if (code === FIELD.replySerial) replyTo = number;
    } else if (type === 's' || type === 'o') {
      const text = reader.string();
      if (code === FIELD.errorName) errorName = text;
    } else if (type === 'g') {
      const text = reader.signature();
      if (code === FIELD.signature) signature = text;
    } else return null;
  }
  return reader.broken ? null : { replyTo, errorName, signature };
}
