/**
 * A user's bus with a systemd behind it that knows a small fleet, all of it active: enough for `fleet plan` to ask what
 * it asks on a live host, so that V8's code for the asking gets into the cache. Source: D-Bus specification 0.42.
 */
import { createServer } from 'node:net';

const FIXED_HEADER_BYTES = 16;

/**
 * @param {string} path of the socket
 * @param {{ readonly units: readonly string[], readonly unitPath: string }} systemd
 */
export async function serveBus(path, systemd) {
  const server = createServer((socket) => {
    let pending = Buffer.alloc(0);
    let authenticated = false;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      if (!authenticated) {
        const begin = pending.indexOf('BEGIN\r\n');
        if (begin === -1) return;
        authenticated = true;
        pending = pending.subarray(begin + 'BEGIN\r\n'.length);
        socket.write('OK 50a70197915e0da89ad74ca16b02ce04\r\n');
      }
      for (let call = takeCall(pending); call !== null; call = takeCall(pending)) {
        pending = pending.subarray(call.size);
        socket.write(answerTo(call, systemd));
      }
    });
  });
  await new Promise((resolve) => server.listen(path, resolve));
  return () => server.close();
}

const padded = (size) => Math.ceil(size / 8) * 8;

/** The first whole message: its serial, and every text of its header and body. */
function takeCall(bytes) {
  if (bytes.length < FIXED_HEADER_BYTES) return null;
  const size = FIXED_HEADER_BYTES + padded(bytes.readUInt32LE(12)) + bytes.readUInt32LE(4);
  if (bytes.length < size) return null;
  const words = bytes.toString('latin1', FIXED_HEADER_BYTES, size).match(/[\w.@/-]{2,}/g) ?? [];
  return { size, serial: bytes.readUInt32LE(8), words };
}

function answerTo({ serial, words }, { units, unitPath }) {
  const body = new Writer();
  const is = (word) => words.includes(word);
  if (is('Hello')) return reply(serial, 's', body.text(':1.1'));
  if (is('GetUnitFileState')) return reply(serial, 's', body.text('enabled'));
  if (is('ListUnitsByPatterns') || is('ListUnitsByNames')) {
    const listed = units.filter((unit) => is(unit) || (is('ListUnitsByPatterns') && unit.includes('@')));
    return reply(serial, 'a(ssssssouso)', body.listing(listed));
  }
  const now = {
    UnitsLoadTimestamp: Date.now() * 1000,
    UnitsLoadTimestampMonotonic: Number(process.hrtime.bigint()) / 1000,
  };
  const time = Object.entries(now).find(([name]) => words.at(-1) === name);
  if (time !== undefined) return reply(serial, 'v', body.variant('t').uint64(Math.trunc(time[1])));
  const texts = { Version: '252', Id: 'default.target', Result: 'success', FragmentPath: `${unitPath}/${units[0]}` };
  const text = texts[words.at(-1)];
  if (text !== undefined) return reply(serial, 'v', body.variant('s').text(text));
  const lists = { UnitPath: [unitPath], Environment: ['LANG=C.UTF-8'], Wants: ['basic.target', 'timers.target'] };
  return reply(serial, 'v', body.variant('as').texts(lists[words.at(-1)] ?? []));
}

function reply(serial, signature, body) {
  const fields = new Writer().bytes(5, 1, 0x75, 0).uint32(serial).bytes(8, 1, 0x67, 0).signature(signature);
  const head = new Writer().bytes(0x6c, 2, 1, 1).uint32(body.length).uint32(1).uint32(fields.length);
  return Buffer.from([...head.all, ...fields.align(8).all, ...body.all]);
}

class Writer {
  all = [];

  get length() {
    return this.all.length;
  }

  bytes(...values) {
    this.all.push(...values);
    return this;
  }

  align(to) {
    while (this.all.length % to !== 0) this.all.push(0);
    return this;
  }

  uint32(value) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.align(4).bytes(...bytes);
  }

  uint64(value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return this.align(8).bytes(...bytes);
  }

  text(value) {
    return this.uint32(value.length).bytes(...Buffer.from(value, 'latin1'), 0);
  }

  signature(value) {
    return this.bytes(value.length, ...Buffer.from(value, 'latin1'), 0);
  }

  variant(signature) {
    return this.signature(signature);
  }

  texts(values) {
    return this.array(4, values, (value) => this.text(value));
  }

  listing(units) {
    return this.array(8, units, (unit) => {
      this.align(8);
      for (const word of [unit, unit, 'loaded', 'active', 'running', '', `/${unit}`]) this.text(word);
      this.uint32(0).text('').text('/');
    });
  }

  /** Its size, patched in when it is known, counts from the first element. */
  array(alignment, values, write) {
    this.uint32(0);
    const size = this.length - 4;
    this.align(alignment);
    const start = this.length;
    for (const value of values) write(value);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(this.length - start);
    this.all.splice(size, 4, ...bytes);
    return this;
  }
}
