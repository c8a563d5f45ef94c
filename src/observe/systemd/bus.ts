/**
 * A connection to a D-Bus socket for one short conversation: calls go out pipelined, answers come back by serial, and
 * one deadline stands over the whole. Nothing here throws or rejects: what goes wrong is a `BusFailure`.
 *
 * The authentication, `Hello` and the first calls leave together, so that all of them take one round trip: the bus reads
 * them in order, and refuses what follows a failed step by closing.
 */
import { connect, type Socket } from 'node:net';
import { err, ok, type Result } from '../../spec/result.ts';
import type { UnknownCode } from '../state.ts';
import { type WireReader, WireWriter } from './marshal.ts';
import {
  type BusMessage,
  decodeMessage,
  FIXED_HEADER_BYTES,
  type MethodCall,
  messageSize,
  writeCall,
} from './message.ts';

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
/** The one line before the messages is `OK` and 32 hex digits, or a refusal. */
const MAX_AUTH_LINE = 4096;

const HELLO: MethodCall = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
  member: 'Hello',
  signature: '',
  body: () => undefined,
};

/** Connects at once; a failure shows in the answers. `deadlineMs` counts from now, for everything asked here. */
export function openBus(path: string, uid: number, deadlineMs: number): Bus {
  const conversation = new Conversation(connect({ path }), path, deadlineMs);
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

function failure(why: UnknownCode, detail: string): BusFailure {
  return { kind: 'connection', why, detail };
}

type Settle = (reply: Result<BusMessage, BusFailure>) => void;

class Conversation {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #deadline: NodeJS.Timeout;
  readonly #waiting = new Map<number, Settle>();
  readonly #incoming = new Incoming();
  readonly #outgoing = new WireWriter();
  #flushes = false;
  #serial = 0;
  #over: BusFailure | null = null;

  constructor(socket: Socket, path: string, deadlineMs: number) {
    this.#socket = socket;
    this.#path = path;
    this.#deadline = setTimeout(
      () => this.end(failure('timeout', `no answer from ${path} within ${deadlineMs} ms`)),
      deadlineMs,
    );
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => this.end(connectionFailure(error, path)));
    socket.on('close', () => this.end(failure('garbage', `${path} hung up before it had answered`)));
  }

  authenticate(uid: number): void {
    const identity = Buffer.from(String(uid), 'latin1').toString('hex');
    this.#outgoing.raw(Buffer.from(`\0AUTH EXTERNAL ${identity}\r\nBEGIN\r\n`, 'latin1'));
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
    this.#socket.destroy();
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

function connectionFailure(error: NodeJS.ErrnoException, path: string): BusFailure {
  const detail = `${path}: ${error.message}`;
  switch (error.code) {
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

/** Cuts the stream of bytes into the line of the authentication and messages. */
class Incoming {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** How many bytes must be there before it is worth looking again. */
  #needed = 1;
  #total = 0;
  #authenticated = false;

  add(chunk: Buffer, deliver: (message: BusMessage) => void): Pick<BusFailure, 'why' | 'detail'> | null {
    this.#total += chunk.length;
    if (this.#total > MAX_CONVERSATION_BYTES) return { why: 'too-large', detail: 'sends without end' };
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes < this.#needed) return null;
    const bytes = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending);
    let at = 0;
    if (!this.#authenticated) {
      const end = bytes.indexOf('\r\n', 0, 'latin1');
      if (end === -1 && bytes.length <= MAX_AUTH_LINE) return this.#keep(bytes, bytes.length + 1);
      const line = bytes.toString('latin1', 0, Math.min(Math.max(end, 0), MAX_AUTH_LINE));
      if (line.startsWith('REJECTED')) return { why: 'denied', detail: 'refused this user' };
      if (!line.startsWith('OK')) return { why: 'garbage', detail: 'does not speak D-Bus' };
      this.#authenticated = true;
      at = end + 2;
    }
    while (bytes.length - at >= FIXED_HEADER_BYTES) {
      const size = messageSize(bytes, at);
      if (size === 'garbage') return { why: 'garbage', detail: 'sent something that is no D-Bus message' };
      if (size === 'too-large') return { why: 'too-large', detail: 'announced a message that is too large' };
      if (bytes.length - at < size) return this.#keep(bytes.subarray(at), size);
      const message = decodeMessage(bytes, at, size);
      if (message === 'garbage') return { why: 'garbage', detail: 'sent a D-Bus message that cannot be read' };
      deliver(message);
      at += size;
    }
    return this.#keep(bytes.subarray(at), FIXED_HEADER_BYTES);
  }

  #keep(rest: Buffer, needed: number): null {
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
    this.#needed = needed;
    return null;
  }
}
