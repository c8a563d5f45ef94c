import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { watchUnits } from '../../../src/observe/watch/units.ts';
import { AUTHENTICATED, type FakeBus, fakeBus, message, signal, text } from '../systemd-fake-bus.ts';
import { type HandClock, handClock, listen, until } from './world.ts';

const UNIT = 'fleet-agent@canary-pi.service';
const UNIT_PATH = '/org/freedesktop/systemd1/unit/fleet_2dagent_40canary_2dpi_2eservice';
const MANAGER = '/org/freedesktop/systemd1';
const NOTHING = Buffer.alloc(0);

let bus: FakeBus | null = null;
let stop = (): void => {};
afterEach(async () => {
  stop();
  await bus?.close();
  bus = null;
});

/** Answers Hello, both AddMatch and Subscribe. */
const greet = (socket: Socket): void => {
  const answers = [message(2, 1, 's', text(':1.5')), ...[2, 3, 4].map((serial) => message(2, serial, '', NOTHING))];
  socket.write(Buffer.concat([AUTHENTICATED, ...answers]));
};

async function watching(serve: (socket: Socket) => void, clock: HandClock = handClock()) {
  const sockets: Socket[] = [];
  const received: string[] = [];
  bus = await fakeBus((socket, bytes) => {
    sockets.push(socket);
    received.push(bytes.toString('latin1'));
    serve(socket);
  });
  const heard = listen();
  const watch = watchUnits(bus.path, 1000, heard, clock);
  stop = watch.close;
  watch.set([UNIT]);
  return { heard, clock, sockets, received };
}

test('a subscription that stands says so, and that anything may have changed before it', async () => {
  const { heard, received } = await watching(greet);
  await until('live', () => heard.states.at(-1)?.live);
  expect(heard.triggers).toEqual([{ on: 'unit', unit: null }]);
  expect(received[0]).toContain('Subscribe');
  expect(received[0]).toContain("path_namespace='/org/freedesktop/systemd1/unit'");
});

test('a changed property and an ended job name their unit, those of other units say nothing', async () => {
  const { heard, sockets } = await watching(greet);
  await until('live', () => heard.states.at(-1)?.live);
  heard.triggers.length = 0;
  const job = (unit: string) =>
    signal(MANAGER, 'org.freedesktop.systemd1.Manager', 'JobRemoved', 'uoss', (body) => {
      body.uint32(7);
      for (const value of ['/org/freedesktop/systemd1/job/7', unit, 'done']) body.string(value);
    });
  const changed = (path: string) => signal(path, 'org.freedesktop.DBus.Properties', 'PropertiesChanged');
  const other = '/org/freedesktop/systemd1/unit/other_2eservice';
  sockets[0]?.write(Buffer.concat([changed(other), changed(UNIT_PATH), job('other.service'), job(UNIT)]));
  await until('both', () => heard.triggers.length >= 2);
  expect(heard.triggers).toEqual([
    { on: 'unit', unit: UNIT },
    { on: 'unit', unit: UNIT },
  ]);
});

test('unit files that changed, and a reload that ended, are told without a unit', async () => {
  const { heard, sockets } = await watching(greet);
  await until('live', () => heard.states.at(-1)?.live);
  heard.triggers.length = 0;
  const reloading = (begins: boolean) =>
    signal(MANAGER, 'org.freedesktop.systemd1.Manager', 'Reloading', 'b', (body) => body.uint32(begins ? 1 : 0));
  const files = signal(MANAGER, 'org.freedesktop.systemd1.Manager', 'UnitFilesChanged');
  sockets[0]?.write(Buffer.concat([reloading(true), reloading(false), files]));
  await until('both', () => heard.triggers.length >= 2);
  expect(heard.triggers).toEqual([
    { on: 'unit', unit: null },
    { on: 'unit', unit: null },
  ]);
});

test('a bus that is lost is said, asked for again ever more rarely, and then looked at whole', async () => {
  const { heard, clock, sockets } = await watching(greet);
  await until('live', () => heard.states.at(-1)?.live);
  sockets[0]?.destroy();
  await until('lost', () => heard.states.at(-1)?.live === false);
  heard.triggers.length = 0;
  expect(clock.pending()).toBe(1);
  clock.advance(999);
  expect(sockets.length).toBe(1);
  clock.advance(1);
  await until('live again', () => heard.states.at(-1)?.live);
  expect(heard.triggers).toEqual([{ on: 'unit', unit: null }]);
});

test('a bus that refuses to subscribe is not taken for one that has nothing to tell', async () => {
  const refuse = (socket: Socket): void => {
    const refused = message(3, 4, 's', text('no'), 'org.freedesktop.DBus.Error.AccessDenied');
    socket.write(Buffer.concat([AUTHENTICATED, message(2, 1, 's', text(':1.5')), refused]));
  };
  const { heard } = await watching(refuse);
  const state = await until('told', () => heard.states.at(-1));
  expect(state.live).toBe(false);
  expect(state.detail).toContain('AccessDenied');
});

test('no bus at all is said with its path', async () => {
  const heard = listen();
  stop = watchUnits('/nowhere/bus', 1000, heard, handClock()).close;
  const state = await until('told', () => heard.states.at(-1));
  expect(state).toMatchObject({ source: 'units', live: false });
  expect(state.detail).toContain('/nowhere/bus');
});
