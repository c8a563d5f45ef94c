/**
 * A connection to a D-Bus socket for one short conversation: calls go out pipelined, answers come back by serial, and
 * one deadline stands over the whole. Nothing here throws or rejects: what goes wrong is a `BusFailure`.
 *
 * The authentication, `Hello` and the first calls leave together, so that all of them take one round trip: the bus reads
 * them in order, and refuses what follows a failed step by closing.
 */
import { err, ok, type Result } from '../../spec/result.ts';
import type { UnknownCode } from '../state.ts';
import { connectUnix, type UnixSocket } from '../unix-socket.ts';
import { Incoming } from './incoming.ts';
import { type WireReader, WireWriter } from './marshal.ts';
import { type BusMessage, type MethodCall, writeCall } from './message.ts';

/** The conversation failed, and with it every call that was not answered yet. */
export interface BusFailure {
  readonly kind: 'connection';
  readonly why: UnknownCode;
  readonly detail: string;
}

/** The other side's own refusal of one call: `name` is a D-Bus error name, `message` is for people. */
export interface CallRefused {
  readonly kind: 'refused';
  readonly name: string;
  readonly message: string;
}

/** A call, the signature that its answer must have, and the reading of it. */
export interface Question<T> {
  readonly call: MethodCall;
  readonly signature: string;
  readonly read: (reader: WireReader) => T;
}

export interface Bus {
  /** Questions asked in the same turn of the event loop leave together. */
  readonly ask: <T>(question: Question<T>) => Promise<Result<T, BusFailure | CallRefused>>;
  /** To be called once, whatever came before. */
  readonly close: () => void;
}

/** Bytes of one conversation that are read at most; a listing of 1,000 units with their properties is about 1 MiB. */
export const MAX_CONVERSATION_BYTES = 64 * 1024 * 1024;

export const HELLO: MethodCall = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
  member: 'Hello',
  signature: '',
  body: () => undefined,
};

/** Connects at once; a failure shows in the answers. `deadlineMs` counts from now, for everything asked here. */
export function openBus(path: string, uid: number, deadlineMs: number): Bus {
  const conversation = new Conversation(path, deadlineMs);
  conversation.authenticate(uid);
  return {
    ask: async (question) => {
      const reply = await conversation.call(question.call);
      return reply.ok ? readAnswer(question, reply.value, path) : reply;
    },
    close: () => conversation.end(failure('io', `the connection to ${path} was closed on this side`)),
  };
}

function readAnswer<T>(question: Question<T>, reply: BusMessage, path: string): Result<T, BusFailure | CallRefused> {
  const reader = reply.body;
  if (reply.type === 'error') {
    const message = reply.signature.startsWith('s') ? reader.string() : '';
    return err({ kind: 'refused', name: reply.errorName ?? '', message });
  }
  if (reply.signature === question.signature) {
    const value = question.read(reader);
    if (!reader.broken && reader.atEnd) return ok(value);
  }
  return err(failure('garbage', `the answer of ${path} to ${question.call.member} cannot be read`));
}

export function failure(why: UnknownCode, detail: string): BusFailure {
  return { kind: 'connection', why, detail };
}

/** What opens a connection, before any message: who we are, which the bus checks with the kernel. */
export function authentication(uid: number): Buffer {
  const identity = Buffer.from(String(uid), 'latin1').toString('hex');
  return Buffer.from(`\0AUTH EXTERNAL ${identity}\r\nBEGIN\r\n`, 'latin1');
}

type Settle = (reply: Result<BusMessage, BusFailure>) => void;

class Conversation {
  readonly #socket: UnixSocket;
  readonly #path: string;
  readonly #deadline: NodeJS.Timeout;
  readonly #waiting = new Map<number, Settle>();
  readonly #incoming = new Incoming(MAX_CONVERSATION_BYTES);
  readonly #outgoing = new WireWriter();
  #flushes = false;
  #serial = 0;
  #over: BusFailure | null = null;

  constructor(path: string, deadlineMs: number) {
    this.#path = path;
    this.#deadline = setTimeout(
      () => this.end(failure('timeout', `no answer from ${path} within ${deadlineMs} ms`)),
      deadlineMs,
    );
    this.#socket = connectUnix(path, {
      data: (chunk) => this.#receive(chunk),
      failed: (code) => this.end(connectionFailure(code, path)),
      closed: () => this.end(failure('garbage', `${path} hung up before it had answered`)),
    });
  }

  authenticate(uid: number): void {
    this.#outgoing.raw(authentication(uid));
    void this.call(HELLO).then((reply) => {
      if (reply.ok && reply.value.type === 'error') {
        this.end(failure('denied', `${this.#path} refused Hello: ${reply.value.errorName ?? 'no reason given'}`));
      }
    });
  }

  call(call: MethodCall): Promise<Result<BusMessage, BusFailure>> {
    const over = this.#over;
    if (over !== null) return Promise.resolve(err(over));
    this.#serial += 1;
    const serial = this.#serial;
    writeCall(this.#outgoing, call, serial);
    this.#flushSoon();
    return new Promise((settle) => this.#waiting.set(serial, settle));
  }

  end(why: BusFailure): void {
    if (this.#over !== null) return;
    this.#over = why;
    clearTimeout(this.#deadline);
    this.#socket.end();
    for (const settle of this.#waiting.values()) settle(err(why));
    this.#waiting.clear();
  }

  /** Gathers what one turn of the event loop asks into one write. */
  #flushSoon(): void {
    if (this.#flushes) return;
    this.#flushes = true;
    queueMicrotask(() => {
      this.#flushes = false;
      if (this.#over === null) this.#socket.write(this.#outgoing.take());
    });
  }

  #receive(chunk: Buffer): void {
    const trouble = this.#incoming.add(chunk, (message) => {
      if (message.replyTo === null) return;
      const settle = this.#waiting.get(message.replyTo);
      this.#waiting.delete(message.replyTo);
      settle?.(ok(message));
    });
    if (trouble !== null) this.end(failure(trouble.why, `${this.#path}: ${trouble.detail}`));
  }
}

/** `code`: the kernel's word, `ECONNREFUSED`. */
export function connectionFailure(code: string, path: string): BusFailure {
  const detail = `the connection to ${path} failed: ${code}`;
  switch (code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTSOCK':
      return failure('no-bus', detail);
    case 'EACCES':
    case 'EPERM':
      return failure('denied', detail);
    case 'ECONNRESET':
    case 'EPIPE':
      return failure('garbage', detail);
    default:
      return failure('io', detail);
  }
}
