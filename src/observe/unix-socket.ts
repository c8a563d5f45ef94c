/**
 * A connection to a Unix socket, by node:net, or where that can be had by Node's handles (`uv.ts`), which come to the same
 * at a tenth of the cost. Never throws; after `end`, nothing more is told.
 */
import { nodeModule } from '../spec/node-own.ts';
import { readAll, type Uv, type UvPipe, uvHandles, write } from './uv.ts';

export interface SocketListener {
  readonly connected?: () => void;
  readonly data: (chunk: Buffer) => void;
  /** The kernel's word for what went wrong, of connecting, reading or writing: `ECONNREFUSED`. Told at most once. */
  readonly failed: (code: string) => void;
  /** The other side ended it. Told at most once, and not after `failed`. */
  readonly closed: () => void;
}

export interface UnixSocket {
  /** Also before it is connected: it leaves as soon as it can. */
  readonly write: (bytes: Uint8Array) => void;
  readonly end: () => void;
}

export type ConnectUnix = (path: string, listener: SocketListener) => UnixSocket;

/** A longer path is cut off, and would lead to another socket (`sun_path`: 108 bytes with the NUL). */
const MAX_PATH_BYTES = 107;

export const connectUnix: ConnectUnix = unixConnector(uvHandles());

export function unixConnector(uv: Uv | null): ConnectUnix {
  const connect: ConnectUnix = uv === null ? connectByNode : (path, listener) => connectByUv(uv, path, listener);
  return (path, listener) => {
    let over = false;
    const once = (tell: () => void): void => {
      if (over) return;
      over = true;
      socket?.end();
      tell();
    };
    const guarded: SocketListener = {
      connected: () => {
        if (!over) listener.connected?.();
      },
      data: (chunk) => {
        if (!over) listener.data(chunk);
      },
      failed: (code) => once(() => listener.failed(code)),
      closed: () => once(listener.closed),
    };
    const tooLong = Buffer.byteLength(path) > MAX_PATH_BYTES || path.includes('\0');
    const socket = tooLong ? null : connect(path, guarded);
    if (tooLong) setImmediate(guarded.failed, 'ENAMETOOLONG');
    return {
      write: (bytes) => {
        if (!over) socket?.write(bytes);
      },
      end: () => once(() => {}),
    };
  };
}

function connectByNode(path: string, listener: SocketListener): UnixSocket {
  const socket = nodeModule('node:net').connect({ path });
  socket.on('connect', () => listener.connected?.());
  socket.on('data', listener.data);
  socket.on('error', (error: NodeJS.ErrnoException) => listener.failed(error.code ?? error.message));
  socket.on('close', listener.closed);
  return { write: (bytes) => socket.write(bytes), end: () => socket.destroy() };
}

function connectByUv(uv: Uv, path: string, listener: SocketListener): UnixSocket {
  const pipe = new uv.Pipe(0);
  let open = true;
  /** Until it is connected. */
  let early: Uint8Array[] | null = [];
  const failed = (errno: number): void => listener.failed(uv.nameOf(errno));
  const send = (bytes: Uint8Array): void => {
    write(uv, pipe, bytes, (errno) => {
      if (errno < 0) failed(errno);
    });
  };
  const request = new uv.ConnectRequest();
  request.oncomplete = (errno) => {
    if (!open) return;
    if (errno < 0) {
      failed(errno);
      return;
    }
    listener.connected?.();
    const written = early ?? [];
    early = null;
    if (open) listen(uv, pipe, listener);
    for (const bytes of written) if (open) send(bytes);
  };
  const refused = pipe.connect(request, path) ?? 0;
  if (refused < 0) setImmediate(failed, refused);
  return {
    write: (bytes) => {
      if (early === null) send(bytes);
      else early.push(bytes);
    },
    end: () => {
      if (!open) return;
      open = false;
      pipe.close();
    },
  };
}

function listen(uv: Uv, pipe: UvPipe, { data, failed, closed }: SocketListener): void {
  readAll(uv, pipe, data, (errno) => {
    const code = uv.nameOf(errno);
    if (code === 'EOF') closed();
    else failed(code);
  });
}
