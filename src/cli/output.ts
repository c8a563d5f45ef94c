/**
 * Standard output and error. What is closed early (`fleet ps | head -1`) ends quietly: what is still written is dropped.
 *
 * Node's own streams are made only where they are needed, for terminals and sockets: loading and making one takes a
 * short command a tenth of what Node takes to start. Into files they write synchronously, which needs no stream, and
 * into pipes by a handle that can be had without (`uv.ts`).
 */
import { fstatSync, writeSync } from 'node:fs';
import { type Uv, uvHandles, write } from '../observe/uv.ts';
import type { Output } from './context.ts';

/** Of Node, with what it adds for a terminal. */
type Stream = NodeJS.WriteStream;

interface Ending {
  /** Resolves when all that was written has left, or cannot: process.exit would cut a pipe's rest off. */
  readonly flushed: () => Promise<void>;
  /** Why the rest was lost, a reader that wanted no more apart; null: it was not. */
  readonly lost: () => string | null;
}

/** One way of writing. `failed` is told the kernel's word, once or more. */
interface Sink {
  readonly write: (text: string) => void;
  readonly flush: (done: () => void) => void;
  readonly columns: number | null;
}

type Failed = (code: string) => void;

/** `makeStream` gives Node's own stream for that descriptor. */
export function outputOf(fd: number, makeStream: () => Stream): Output & Ending {
  let open = true;
  let lost: string | null = null;
  let made: Sink | null = null;
  const failed = (code: string): void => {
    open = false;
    if (code !== 'EPIPE') lost ??= code;
  };
  const sink = (): Sink => {
    made ??= sinkFor(fd, makeStream, failed);
    return made;
  };
  return {
    write: (text) => {
      const to = sink();
      if (open) to.write(text);
    },
    get isTerminal() {
      return sink().columns !== null;
    },
    get columns() {
      return sink().columns;
    },
    flushed: () =>
      new Promise((resolve) => {
        if (made === null || !open) resolve();
        else made.flush(resolve);
      }),
    lost: () => lost,
  };
}

function sinkFor(fd: number, makeStream: () => Stream, failed: Failed): Sink {
  switch (kindOf(fd)) {
    case 'file':
      return fileSink(fd, failed);
    case 'pipe': {
      // Node itself may write to standard error at any time, and two handles of one pipe keep each other waiting.
      const uv = fd === 2 ? null : uvHandles();
      return (uv === null ? null : pipeSink(uv, fd, failed)) ?? streamSink(makeStream(), failed);
    }
    case 'other':
      return streamSink(makeStream(), failed);
  }
}

/** Linux's number of /dev/null, which is written to as a file is (makedev(1, 3)). */
const NULL_DEVICE = 0x103;

function kindOf(fd: number): 'file' | 'pipe' | 'other' {
  try {
    const stats = fstatSync(fd);
    if (stats.isFile() || (stats.isCharacterDevice() && stats.rdev === NULL_DEVICE)) return 'file';
    return stats.isFIFO() ? 'pipe' : 'other';
  } catch {
    return 'other';
  }
}

function fileSink(fd: number, failed: Failed): Sink {
  return {
    write: (text) => {
      try {
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      } catch (error) {
        failed(error instanceof Error && 'code' in error ? String(error.code) : String(error));
      }
    },
    flush: (done) => done(),
    columns: null,
  };
}

/** Null where the handle refuses the descriptor. */
function pipeSink(uv: Uv, fd: number, failed: Failed): Sink | null {
  const pipe = new uv.Pipe(0);
  if (pipe.open(fd) < 0) return null;
  let waiting = 0;
  let flushed = (): void => {};
  const left = (errno: number): void => {
    waiting -= 1;
    if (errno < 0) failed(uv.nameOf(errno));
    if (waiting === 0) flushed();
  };
  return {
    write: (text) => {
      waiting += 1;
      write(uv, pipe, Buffer.from(text), left);
    },
    flush: (done) => {
      flushed = done;
      if (waiting === 0) done();
    },
    columns: null,
  };
}

function streamSink(stream: Stream, failed: Failed): Sink {
  stream.on('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
  return {
    write: (text) => {
      stream.write(text);
    },
    // A turn later, when an error that the last write met has been told too.
    flush: (done) => {
      stream.write('', () => setImmediate(done));
    },
    get columns() {
      return stream.isTTY === true ? stream.columns : null;
    },
  };
}
