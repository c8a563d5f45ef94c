/** A bus on a unix socket in a directory of its own, which answers as a test says. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WireWriter } from '../../src/observe/systemd/marshal.ts';

export interface FakeBus {
  /** Stands for `/run/user/UID`. */
  readonly runtimeDirectory: string;
  readonly path: string;
  readonly close: () => Promise<void>;
}

/** `serve` gets the connection and everything that the client sent at first. */
export async function fakeBus(serve: (socket: Socket, sent: Buffer) => void): Promise<FakeBus> {
  const runtimeDirectory = mkdtempSync(join(tmpdir(), 'fleet-test-bus-'));
  const path = join(runtimeDirectory, 'bus');
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    socket.once('data', (sent) => serve(socket, sent));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    runtimeDirectory,
    path,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(runtimeDirectory, { recursive: true });
    },
  };
}

/** `OK` and an id, as dbus-daemon sends it. */
export const AUTHENTICATED = Buffer.from('OK 50a70197915e0da89ad74ca16b02ce04\r\n', 'latin1');

/** Bytes of one message by hand: type 2 is a return, 3 an error; `fields` and `body` are bytes already. */
export function message(type: number, replyTo: number, signature: string, body: Buffer, errorName?: string): Buffer {
  const fields = [Buffer.from([5, 1, 0x75, 0, ...uint32(replyTo)])];
  if (errorName !== undefined) fields.push(Buffer.from([4, 1, 0x73, 0, ...text(errorName)]));
  if (signature !== '') {
    fields.push(Buffer.from([8, 1, 0x67, 0, signature.length, ...Buffer.from(signature, 'latin1'), 0]));
  }
  const header = Buffer.concat(fields.map((field, index) => (index === fields.length - 1 ? field : padded(field))));
  const start = Buffer.from([0x6c, type, 0, 1, ...uint32(body.length), ...uint32(1), ...uint32(header.length)]);
  return Buffer.concat([start, padded(header), body]);
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
export const text = (value: string): Buffer => Buffer.concat([uint32(value.length), Buffer.from(`${value}\0`)]);
const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);

/** A signal, as the manager sends it. */
export function signal(
  path: string,
  about: string,
  member: string,
  signature = '',
  write: (body: WireWriter) => void = () => undefined,
): Buffer {
  const fields = new WireWriter();
  fields.beginMessage();
  const field = (code: number, type: 's' | 'o' | 'g', value: string): void => {
    fields.align(8);
    fields.byte(code);
    fields.signature(type);
    if (type === 'g') fields.signature(value);
    else fields.string(value);
  };
  field(1, 'o', path);
  field(2, 's', about);
  field(3, 's', member);
  if (signature !== '') field(8, 'g', signature);
  const body = new WireWriter();
  body.beginMessage();
  write(body);
  const [header, content] = [fields.take(), body.take()];
  const start = Buffer.from([0x6c, 4, 1, 1, ...uint32(content.length), ...uint32(9), ...uint32(header.length)]);
  return Buffer.concat([start, padded(header), content]);
}
