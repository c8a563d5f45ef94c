/**
 * Node's own handles for child processes and Unix sockets, without the streams around them. Streams are for programs that
 * live: loaded and compiled for one child and two sockets, they were a quarter of all instructions of a `fleet plan`
 * for 20 agents (docs/performance.md).
 *
 * Null where they cannot be had (`node-own.ts`): whoever asks then uses node:child_process and node:net, which do the same.
 * Source: lib/net.js, lib/internal/child_process.js, lib/internal/stream_base_commons.js of Node 20.
 */
import { type Binding, nodeBinding } from '../spec/node-own.ts';

/** A libuv handle: open until it is closed, and keeps the event loop alive until then. */
interface Handle {
  close(): void;
  unref(): void;
}

/** Both ways, or one; results are 0 or a negative errno. */
export interface UvPipe extends Handle {
  /** Called with an ArrayBuffer, or nothing at the end; how much of it is in `streamBaseState`. */
  onread: (data: ArrayBuffer | undefined) => void;
  readStart(): number;
  writeBuffer(request: UvRequest, bytes: Uint8Array): number;
  /** Ends the writing side, after all that was written. */
  shutdown(request: UvRequest): number;
  connect(request: UvRequest, path: string): number | undefined;
  /** Takes a descriptor that is open already. */
  open(fd: number): number;
}

/** What is under way keeps its request, and that what it carries. */
export interface UvRequest {
  oncomplete: (status: number) => void;
  buffer?: Uint8Array;
}

export type UvStdio =
  | { readonly type: 'ignore' }
  | { readonly type: 'pipe'; readonly handle: UvPipe }
  | { readonly type: 'fd'; readonly fd: number };

export interface UvProcess extends Handle {
  readonly pid: number;
  onexit: (code: number, signal: string) => void;
  spawn(options: {
    readonly file: string;
    readonly args: readonly string[];
    readonly cwd: string;
    readonly detached: boolean;
    readonly envPairs: readonly string[];
    readonly stdio: readonly UvStdio[];
  }): number;
}

export interface Uv {
  readonly Process: new () => UvProcess;
  /** 0: a socket. */
  readonly Pipe: new (
    type: 0,
  ) => UvPipe;
  readonly ConnectRequest: new () => UvRequest;
  readonly WriteRequest: new () => UvRequest;
  readonly ShutdownRequest: new () => UvRequest;
  /** Of the callback that is being made: bytes read or a negative errno, and where they begin. */
  readonly lastRead: () => { readonly bytes: number; readonly offset: number };
  /** Whether what was written just now is under way still. */
  readonly lastWriteWaits: () => boolean;
  /** `ENOENT` of -2. */
  readonly nameOf: (errno: number) => string;
}

/** `version`: of Node. Default: of this one. */
export function uvHandles(version?: string): Uv | null {
  const [pipes, streams, processes, uv] = ['pipe_wrap', 'stream_wrap', 'process_wrap', 'uv'].map((name) =>
    nodeBinding(name, version),
  );
  if (!pipes || !streams || !processes || !uv) return null;
  return whole({
    Process: processes['Process'],
    Pipe: pipes['Pipe'],
    ConnectRequest: pipes['PipeConnectWrap'],
    WriteRequest: streams['WriteWrap'],
    ShutdownRequest: streams['ShutdownWrap'],
    state: streams['streamBaseState'],
    bytes: streams['kReadBytesOrError'],
    offset: streams['kArrayBufferOffset'],
    waits: streams['kLastWriteWasAsync'],
    errname: uv['errname'],
  });
}

function whole(found: Binding): Uv | null {
  const { state, bytes, offset, waits, errname, ...classes } = found;
  if (typeof bytes !== 'number' || typeof offset !== 'number' || typeof waits !== 'number') return null;
  if (!(state instanceof Int32Array)) return null;
  if ([errname, ...Object.values(classes)].some((value) => typeof value !== 'function')) return null;
  return {
    ...(classes as unknown as Pick<Uv, 'Process' | 'Pipe' | 'ConnectRequest' | 'WriteRequest' | 'ShutdownRequest'>),
    lastRead: () => ({ bytes: state[bytes] ?? 0, offset: state[offset] ?? 0 }),
    lastWriteWaits: () => state[waits] !== 0,
    nameOf: errname as Uv['nameOf'],
  };
}

/** What is read is handed on until the end, which is told once, after which the pipe is closed. */
export function readAll(uv: Uv, pipe: UvPipe, data: (chunk: Buffer) => void, end: (errno: number) => void): void {
  pipe.onread = (read) => {
    const { bytes, offset } = uv.lastRead();
    if (bytes > 0 && read !== undefined) data(Buffer.from(read, offset, bytes));
    else if (bytes < 0) end(bytes);
  };
  const failed = pipe.readStart();
  if (failed < 0) end(failed);
}

/** `left` is told once: 0, or the negative errno that kept the bytes back. */
export function write(uv: Uv, pipe: UvPipe, bytes: Uint8Array, left: (errno: number) => void): void {
  const request = new uv.WriteRequest();
  request.buffer = bytes;
  request.oncomplete = left;
  const errno = pipe.writeBuffer(request, bytes);
  // What the kernel took at once is not told of.
  if (errno < 0 || !uv.lastWriteWaits()) left(errno);
}
