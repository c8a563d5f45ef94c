import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SocketListener, unixConnector } from '../../src/observe/unix-socket.ts';
import { uvHandles } from '../../src/observe/uv.ts';

let dir: string;
let path: string;
let server: Server;
let peers: Socket[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fleet-socket-'));
  path = join(dir, 's');
  peers = [];
});
afterEach(() => {
  for (const peer of peers) peer.destroy();
  server?.close();
  rmSync(dir, { recursive: true, force: true });
});

function listen(serve: (peer: Socket) => void): Promise<void> {
  server = createServer((peer) => {
    peers.push(peer);
    peer.on('error', () => {});
    serve(peer);
  });
  return new Promise((resolve) => server.listen(path, resolve));
}

/** Everything that is told, in order; data joined. */
function recorder() {
  const told: string[] = [];
  let wake = (): void => {};
  const tell = (what: string): void => {
    told.push(what);
    wake();
  };
  let heard = '';
  const listener: SocketListener = {
    connected: () => tell('connected'),
    data: (chunk) => {
      heard += chunk.toString('latin1');
      wake();
    },
    failed: (code) => tell(code),
    closed: () => tell('closed'),
  };
  const until = async (condition: () => boolean): Promise<void> => {
    const late = setTimeout(() => wake(), 10_000);
    const end = Date.now() + 10_000;
    while (!condition()) {
      if (Date.now() > end) throw new Error(`told: ${told.join()}, heard ${heard.length} bytes`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    clearTimeout(late);
  };
  return { listener, told, heard: () => heard, until };
}

const WAYS = [
  ['node:net', null],
  ...(uvHandles() === null ? [] : [["Node's own handles", uvHandles()] as const]),
] as const;

describe.each(WAYS)('a connection by %s', (_way, handles) => {
  const connect = unixConnector(handles);

  it('sends what was written before it stood, all of it and in order, and hears the answer', async () => {
    await listen((peer) => peer.pipe(peer));
    const seen = recorder();
    const socket = connect(path, seen.listener);
    const sent = Array.from({ length: 50 }, (_, i) => `${i} ${'x'.repeat(i * 1_000)}`);
    for (const text of sent.slice(0, 25)) socket.write(Buffer.from(text));
    await seen.until(() => seen.told.includes('connected'));
    for (const text of sent.slice(25)) socket.write(Buffer.from(text));
    await seen.until(() => seen.heard().length === sent.join('').length);
    expect(seen.heard() === sent.join('')).toBe(true);
    socket.end();
    expect(seen.told).toEqual(['connected']);
  });

  it('tells once that the other side has ended it, after what it had said', async () => {
    await listen((peer) => peer.end('last words'));
    const seen = recorder();
    connect(path, seen.listener);
    await seen.until(() => seen.told.includes('closed'));
    expect([seen.told, seen.heard()]).toEqual([['connected', 'closed'], 'last words']);
  });

  it('tells nothing after its end', async () => {
    await listen((peer) => peer.write('something'));
    const seen = recorder();
    const socket = connect(path, seen.listener);
    await seen.until(() => seen.heard() !== '');
    const ended = new Promise((resolve) => peers[0]?.once('close', resolve));
    socket.end();
    socket.write(Buffer.from('too late'));
    peers[0]?.write('not heard');
    await ended;
    expect([seen.told, seen.heard()]).toEqual([['connected'], 'something']);
  });

  it('can be ended before it stands', async () => {
    await listen(() => {});
    const seen = recorder();
    const socket = connect(path, seen.listener);
    socket.write(Buffer.from('x'));
    socket.end();
    socket.end();
    const other = recorder();
    connect(path, other.listener).write(Buffer.from('x'));
    await other.until(() => other.told.includes('connected'));
    expect(seen.told).toEqual([]);
  });

  it.each([
    ['nobody listens', 'ECONNREFUSED', () => leaveSocket()],
    ['there is none', 'ENOENT', () => Promise.resolve()],
    ['it is no socket', 'ECONNREFUSED', () => Promise.resolve(writeFileSync(path, ''))],
  ])('says why it does not stand: %s', async (_what, code, prepare) => {
    await prepare();
    const seen = recorder();
    connect(path, seen.listener);
    await seen.until(() => seen.told.length > 0);
    expect(seen.told).toEqual([code]);
  });

  it('refuses a path that would be cut off, where another socket stands', async () => {
    const long = join(dir, 'x'.repeat(200));
    path = long.slice(0, 107);
    await listen(() => {});
    for (const refused of [long, `${path}\0more`]) {
      const seen = recorder();
      connect(refused, seen.listener);
      await seen.until(() => seen.told.length > 0);
      expect(seen.told).toEqual(['ENAMETOOLONG']);
    }
    expect(peers).toEqual([]);
  });

  it('tells that it broke while it was written to', async () => {
    await listen((peer) => peer.destroy());
    const seen = recorder();
    const socket = connect(path, seen.listener);
    for (let i = 0; i < 10; i += 1) socket.write(Buffer.alloc(100_000));
    await seen.until(() => seen.told.length > 1);
    expect(seen.told).toHaveLength(2);
    expect(['EPIPE', 'ECONNRESET', 'closed']).toContain(seen.told[1]);
  });
});

/** The file of a server that has ended. */
async function leaveSocket(): Promise<void> {
  const { execFileSync } = await import('node:child_process');
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  try {
    execFileSync(process.execPath, ['-e', script]);
  } catch {
    // Ended by the signal, which is what leaves the file.
  }
}
