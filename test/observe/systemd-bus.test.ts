import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { MAX_CONVERSATION_BYTES, openBus } from '../../src/observe/systemd/bus.ts';
import {
  getUnitFileState,
  listUnitsByNames,
  managerProperty,
  TEXT,
  TEXTS,
  unitObjectPath,
  unitProperty,
} from '../../src/observe/systemd/bus-questions.ts';
import { WireReader, WireWriter } from '../../src/observe/systemd/marshal.ts';
import { decodeMessage, MAX_MESSAGE_BYTES, messageSize, writeCall } from '../../src/observe/systemd/message.ts';
import { AUTHENTICATED, type FakeBus, fakeBus, message, text, uint32 } from './systemd-fake-bus.ts';

const PI = 'mosaic-agent@pi.service';
/** What dbus-daemon 1.14 and systemd 252 sent for Hello, these questions in this order, and two signals. */
const RECORDED = Buffer.from(
  readFileSync(new URL('./recorded/user-bus-systemd-252.base64', import.meta.url), 'latin1'),
  'base64',
);
const VARIANT_OF_TEXT = Buffer.concat([Buffer.from([1, 0x73, 0, 0]), text('success')]);

let bus: FakeBus | null = null;
afterEach(async () => {
  await bus?.close();
  bus = null;
});

/** Asks one question, whose serial is 2 after Hello's. */
async function askOf(serve: (socket: Socket, sent: Buffer) => void, deadlineMs = 2_000) {
  bus = await fakeBus(serve);
  const opened = openBus(bus.path, 1000, deadlineMs);
  try {
    return await opened.ask(unitProperty(PI, 'Service', 'Result', TEXT));
  } finally {
    opened.close();
  }
}
const sends =
  (...bytes: readonly Buffer[]) =>
  (socket: Socket) => {
    socket.write(Buffer.concat([AUTHENTICATED, ...bytes]));
  };
const connectionFailure = (why: string) => ({ ok: false, error: { kind: 'connection', why } });

describe('a conversation that goes well', () => {
  const conversation = async (serve: (socket: Socket) => void) => {
    bus = await fakeBus(serve);
    const opened = openBus(bus.path, 1001, 2_000);
    try {
      return await Promise.all([
        opened.ask(listUnitsByNames([PI, 'nope.service'])),
        opened.ask(managerProperty('UnitPath', TEXTS)),
        opened.ask(unitProperty(PI, 'Service', 'Result', TEXT)),
        opened.ask(getUnitFileState('nope.service')),
      ]);
    } finally {
      opened.close();
    }
  };

  test.each([
    ['in one piece', RECORDED.length],
    ['in pieces of 7 bytes', 7],
    ['byte by byte', 1],
  ])('reads what a real bus answered, %s', async (_, size) => {
    const [listed, unitPath, result, state] = await conversation((socket) => {
      for (let at = 0; at < RECORDED.length; at += size) socket.write(RECORDED.subarray(at, at + size));
    });
    expect(listed).toEqual({
      ok: true,
      value: [
        { name: PI, load_state: 'loaded', active_state: 'inactive', sub_state: 'dead', job: null },
        { name: 'nope.service', load_state: 'not-found', active_state: 'inactive', sub_state: 'dead', job: null },
      ],
    });
    expect(unitPath).toMatchObject({ ok: true, value: expect.arrayContaining(['/home/jarvis/.config/systemd/user']) });
    expect(result).toEqual({ ok: true, value: 'success' });
    expect(state).toMatchObject({ ok: false, error: { kind: 'refused', name: /FileNotFound|NoSuchUnit/ } });
  });

  test('sends authentication, Hello and the first calls in one write', async () => {
    let first: Buffer = Buffer.alloc(0);
    await askOf((socket, sent) => {
      first = sent;
      sends(message(2, 2, 'v', VARIANT_OF_TEXT))(socket);
    });
    const messages = first.subarray(first.indexOf('BEGIN\r\n') + 7);
    expect(first.subarray(0, 29).toString('latin1')).toBe('\0AUTH EXTERNAL 31303030\r\nBEGI');
    expect(messages.includes('Hello')).toBe(true);
    expect(messages.includes('org.freedesktop.systemd1.Service')).toBe(true);
  });

  test('takes answers out of order, and leaves alone what it did not ask', async () => {
    const stray = [message(4, 77, '', Buffer.alloc(0)), message(2, 99, 's', text('x'))];
    expect(await askOf(sends(...stray, message(2, 2, 'v', VARIANT_OF_TEXT), message(2, 1, 's', text(':1.1'))))).toEqual(
      { ok: true, value: 'success' },
    );
  });

  test('tells a refused call from a failed conversation', async () => {
    const refusal = message(3, 2, 's', text('no such unit'), 'org.freedesktop.systemd1.NoSuchUnit');
    expect(await askOf(sends(refusal))).toEqual({
      ok: false,
      error: { kind: 'refused', name: 'org.freedesktop.systemd1.NoSuchUnit', message: 'no such unit' },
    });
  });
});

describe('a conversation that goes wrong', () => {
  test.each<[string, string, (socket: Socket) => void]>([
    ['says nothing at all', 'timeout', () => undefined],
    ['says nothing after the authentication', 'timeout', sends()],
    ['stops within a message', 'timeout', sends(message(2, 2, 'v', VARIANT_OF_TEXT).subarray(0, 30))],
    ['refuses the user', 'denied', (socket) => socket.write('REJECTED EXTERNAL\r\n')],
    ['refuses Hello', 'denied', sends(message(3, 1, '', Buffer.alloc(0), 'org.freedesktop.DBus.Error.Failed'))],
    ['speaks another language', 'garbage', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n')],
    ['never ends its first line', 'garbage', (socket) => socket.write('OK'.repeat(4000))],
    ['sends no messages', 'garbage', sends(Buffer.from('x'.repeat(100)))],
    ['sends big-endian', 'garbage', sends(Buffer.from('B\x02\0\x01'), Buffer.alloc(60))],
    ['sends a type that does not exist', 'garbage', sends(message(9, 2, 'v', VARIANT_OF_TEXT))],
    ['announces 4 GiB', 'too-large', sends(Buffer.from([0x6c, 2, 0, 1]), uint32(2 ** 32 - 1), Buffer.alloc(60))],
    ['answers with another type', 'garbage', sends(message(2, 2, 's', text('success')))],
    ['answers with another variant', 'garbage', sends(message(2, 2, 'v', Buffer.from([1, 0x75, 0, 0, 1, 0, 0, 0])))],
    [
      'answers with a text that is longer than its message',
      'garbage',
      sends(message(2, 2, 'v', Buffer.from([1, 0x73, 0, 0, 255, 0, 0, 0]))),
    ],
    [
      'answers with something behind it',
      'garbage',
      sends(message(2, 2, 'v', Buffer.concat([VARIANT_OF_TEXT, Buffer.alloc(4)]))),
    ],
    ['hangs up at once', 'garbage', (socket) => socket.destroy()],
    [
      'hangs up within a message',
      'garbage',
      (socket) => socket.end(Buffer.concat([AUTHENTICATED, RECORDED.subarray(39, 300)])),
    ],
  ])('%s: %s', async (_, why, serve) => {
    expect(await askOf(serve, 150)).toMatchObject(connectionFailure(why));
  });

  test('sends without end: too-large', async () => {
    const flood = Buffer.alloc(MAX_MESSAGE_BYTES / 2);
    message(4, 0, '', Buffer.alloc(0)).copy(flood);
    flood.writeUInt32LE(flood.length - messageLength(message(4, 0, '', Buffer.alloc(0))), 4);
    expect(
      await askOf((socket) => {
        socket.write(AUTHENTICATED);
        for (let sent = 0; sent <= MAX_CONVERSATION_BYTES; sent += flood.length) socket.write(flood);
      }, 10_000),
    ).toMatchObject(connectionFailure('too-large'));
  });

  test('there is no socket: no-bus', async () => {
    const opened = openBus('/nonexistent/fleet-test/bus', 1000, 1_000);
    expect(await opened.ask(getUnitFileState(PI))).toMatchObject(connectionFailure('no-bus'));
    opened.close();
  });

  test('a question after the end is answered with how it ended', async () => {
    const opened = openBus('/nonexistent/fleet-test/bus', 1000, 1_000);
    await opened.ask(getUnitFileState(PI));
    expect(await opened.ask(getUnitFileState(PI))).toMatchObject(connectionFailure('no-bus'));
    opened.close();
  });
});

const messageLength = (bytes: Buffer): number => Number(messageSize(bytes, 0));

describe('the wire format', () => {
  test('a call is written as the specification has it', () => {
    const writer = new WireWriter();
    writer.raw(Buffer.from('odd'));
    writer.take();
    writeCall(writer, getUnitFileState('a.service').call, 7);
    writeCall(writer, listUnitsByNames(['a', 'bc']).call, 8);
    const bytes = writer.take();
    const size = messageLength(bytes);
    expect(bytes.subarray(0, 16).toString('hex')).toBe('6c0100010e00000007000000a7000000');
    expect(messageLength(bytes.subarray(size))).toBe(bytes.length - size);
    expect(bytes.subarray(-19).toString('latin1')).toBe('\x0f\0\0\0\x01\0\0\0a\0\0\0\x02\0\0\0bc\0');
  });

  test('no bytes make the reading throw, or go on for ever', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 400 }), fc.boolean(), (random, plausible) => {
        const bytes = Buffer.from(random);
        if (plausible) bytes.set([0x6c, 2, 0, 1]);
        const size = messageSize(bytes, 0);
        if (typeof size === 'number' && size <= bytes.length) decodeMessage(bytes, 0, size);
        for (const question of [listUnitsByNames([]), managerProperty('UnitPath', TEXTS), getUnitFileState('')]) {
          question.read(new WireReader(bytes, 0, bytes.length));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('what was cut off anywhere is broken, not shorter', () => {
    const writer = new WireWriter();
    writer.strings(['one', 'two', 'three']);
    const whole = writer.take();
    for (let size = 0; size < whole.length; size += 1) {
      const reader = new WireReader(whole.subarray(0, size), 0, size);
      reader.strings();
      expect(reader.broken).toBe(true);
    }
  });

  test.each([
    ['mosaic-agent@a-b_c.service', '/org/freedesktop/systemd1/unit/mosaic_2dagent_40a_2db_5fc_2eservice'],
    ['7zip.service', '/org/freedesktop/systemd1/unit/_37zip_2eservice'],
    ['a7.service', '/org/freedesktop/systemd1/unit/a7_2eservice'],
    ['ü.service', '/org/freedesktop/systemd1/unit/_c3_bc_2eservice'],
  ])('the object path of %s is %s', (unit, path) => {
    expect(unitObjectPath(unit)).toBe(path);
  });
});
