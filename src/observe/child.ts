/**
 * A child process with its pipes, in `/`, in a group of its own and with no terminal. Started by node:child_process, or
 * where that can be had by Node's handles (`uv.ts`), which come to the same at a tenth of the cost.
 */
import type { ChildProcess } from 'node:child_process';
import { nodeModule } from '../spec/node-own.ts';
import { readAll, type Uv, type UvPipe, type UvStdio, write } from './uv.ts';

export interface ChildSpec {
  readonly program: string;
  readonly args: readonly string[];
  /** All of it: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Standard input; null: there is nothing to read. */
  readonly input: string | null;
  /** A descriptor of this process that it gets as its descriptor 3. */
  readonly descriptor3: number | null;
}

export interface ChildListener {
  readonly stdout: (chunk: Buffer) => void;
  readonly stderr: (chunk: Buffer) => void;
  /** It could not be started, or what it says not be read to its end: the kernel's word for it. `closed` may follow. */
  readonly failed: (code: string) => void;
  /** It has ended, and all that it wrote was handed on. */
  readonly closed: (code: number | null, signal: string | null) => void;
}

export interface Child {
  /** Null where it could not be started. */
  readonly pid: number | null;
  /** Listens no more and keeps this process waiting no more; what it does then is its own affair. */
  readonly abandon: () => void;
}

/** Throws what is wrong before it is tried: a NUL in an argument. */
export type StartChild = (spec: ChildSpec, listener: ChildListener) => Child;

export function childStarter(uv: Uv | null): StartChild {
  return uv === null ? startByNode : (spec, listener) => startByUv(uv, spec, listener);
}

function startByNode(spec: ChildSpec, listener: ChildListener): Child {
  const { spawn } = nodeModule('node:child_process');
  const child: ChildProcess = spawn(spec.program, [...spec.args], {
    detached: true,
    cwd: '/',
    env: spec.env,
    stdio: [
      spec.input === null ? 'ignore' : 'pipe',
      'pipe',
      'pipe',
      ...(spec.descriptor3 === null ? [] : [spec.descriptor3]),
    ],
  });
  // A program that ends before it has read everything is judged by how it ended.
  child.stdin?.on('error', () => {});
  child.stdin?.end(spec.input);
  const failed = (error: NodeJS.ErrnoException): void => listener.failed(error.code ?? error.message);
  child.stdout?.on('data', listener.stdout).on('error', failed);
  child.stderr?.on('data', listener.stderr).on('error', failed);
  child.on('error', failed);
  child.on('close', listener.closed);
  return {
    pid: child.pid ?? null,
    abandon: () => {
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
    },
  };
}

function startByUv(uv: Uv, spec: ChildSpec, listener: ChildListener): Child {
  const envPairs = Object.entries(spec.env).map(([name, value]) => `${name}=${value}`);
  if ([spec.program, ...spec.args, ...envPairs].some((text) => text.includes('\0'))) throw new NulByte();
  const stdin = spec.input === null ? null : new uv.Pipe(0);
  const outputs = [new uv.Pipe(0), new uv.Pipe(0)] as const;
  const process = new uv.Process();
  const stdio: readonly UvStdio[] = [
    stdin === null ? { type: 'ignore' } : { type: 'pipe', handle: stdin },
    ...outputs.map((handle) => ({ type: 'pipe', handle }) as const),
    ...(spec.descriptor3 === null ? [] : [{ type: 'fd', fd: spec.descriptor3 } as const]),
  ];
  let left = 1 + outputs.length;
  let abandoned = false;
  let ending: readonly [number | null, string | null] = [null, null];
  const oneLess = (): void => {
    left -= 1;
    if (left === 0 && !abandoned) listener.closed(...ending);
  };
  process.onexit = (code, signal) => {
    process.close();
    stdin?.close();
    ending = signal === '' || signal === null ? [code, null] : [null, signal];
    oneLess();
  };
  const { program, args, env: _env } = spec;
  const errno = process.spawn({ file: program, args: [program, ...args], cwd: '/', detached: true, envPairs, stdio });
  if (errno !== 0) {
    for (const handle of [stdin, ...outputs, process]) handle?.close();
    setImmediate(() => listener.failed(uv.nameOf(errno)));
    return { pid: null, abandon: () => {} };
  }
  const ended = outputs.map((pipe, at) => {
    let open = true;
    const end = (errno: number | null): void => {
      if (!open) return;
      open = false;
      pipe.close();
      // Half of an answer is none.
      const code = errno === null ? 'EOF' : uv.nameOf(errno);
      if (code !== 'EOF') listener.failed(code);
      oneLess();
    };
    readAll(uv, pipe, at === 0 ? listener.stdout : listener.stderr, end);
    return end;
  });
  if (stdin !== null) feed(uv, stdin, Buffer.from(spec.input ?? ''));
  return {
    pid: process.pid,
    abandon: () => {
      abandoned = true;
      for (const end of ended) end(null);
      // Its exit is still heard where this process lives that long, so that no zombie stays.
      process.unref();
    },
  };
}

/** Gives it all and ends. A program that ends before it has read everything is judged by how it ended. */
function feed(uv: Uv, pipe: UvPipe, bytes: Buffer): void {
  const request = new uv.ShutdownRequest();
  request.oncomplete = () => pipe.close();
  if (bytes.length > 0) write(uv, pipe, bytes, () => {});
  if (pipe.shutdown(request) < 0) pipe.close();
}

class NulByte extends Error {
  readonly code = 'ERR_INVALID_ARG_VALUE';
}
