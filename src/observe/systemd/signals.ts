/**
 * A connection to the user's bus that stays, for what the manager tells by itself. Nothing here throws or rejects; when
 * the connection ends, for whatever reason, `onEnd` is told once.
 */
import { connectUnix } from '../unix-socket.ts';
import { authentication, type BusFailure, connectionFailure, failure, HELLO } from './bus.ts';
import { Incoming } from './incoming.ts';
import { WireWriter } from './marshal.ts';
import { type BusMessage, type MethodCall, writeCall } from './message.ts';

const SYSTEMD = 'org.freedesktop.systemd1';
export const UNIT_PATHS = '/org/freedesktop/systemd1/unit';
const PROPERTIES = 'org.freedesktop.DBus.Properties';

/** Without Subscribe the manager keeps its signals to itself (org.freedesktop.systemd1(5)). */
const CALLS: readonly MethodCall[] = [
  HELLO,
  addMatch(`type='signal',sender='${SYSTEMD}',interface='${SYSTEMD}.Manager',path='/org/freedesktop/systemd1'`),
  addMatch(`type='signal',sender='${SYSTEMD}',interface='${PROPERTIES}',path_namespace='${UNIT_PATHS}'`),
  {
    destination: SYSTEMD,
    path: '/org/freedesktop/systemd1',
    interface: `${SYSTEMD}.Manager`,
    member: 'Subscribe',
    signature: '',
    body: () => undefined,
  },
];

function addMatch(rule: string): MethodCall {
  const bus = 'org.freedesktop.DBus';
  const path = '/org/freedesktop/DBus';
  return { destination: bus, path, interface: bus, member: 'AddMatch', signature: 's', body: (w) => w.string(rule) };
}

export interface SignalListener {
  /** Subscribed: what happens from now on is told. */
  readonly onReady: () => void;
  readonly onSignal: (signal: BusMessage) => void;
  readonly onEnd: (why: BusFailure) => void;
}

/** `readyWithinMs`: a bus that does not answer by then is given up. */
export function openSignals(
  path: string,
  uid: number,
  readyWithinMs: number,
  listener: SignalListener,
): { readonly close: () => void } {
  const incoming = new Incoming(Number.POSITIVE_INFINITY);
  const waiting = new Set(CALLS.map((_call, index) => index + 1));
  let over = false;
  const end = (why: BusFailure | null): void => {
    if (over) return;
    over = true;
    clearTimeout(deadline);
    socket.end();
    if (why !== null) listener.onEnd(why);
  };
  const deadline = setTimeout(
    () => end(failure('timeout', `no answer from ${path} within ${readyWithinMs} ms`)),
    readyWithinMs,
  );
  const receive = (message: BusMessage): void => {
    if (over) return;
    if (message.type === 'signal') listener.onSignal(message);
    else if (message.type === 'error') end(refusal(path, message));
    else if (message.replyTo !== null && waiting.delete(message.replyTo) && waiting.size === 0) {
      clearTimeout(deadline);
      listener.onReady();
    }
  };
  const socket = connectUnix(path, {
    data: (chunk) => {
      const trouble = over ? null : incoming.add(chunk, receive);
      if (trouble !== null) end(failure(trouble.why, `${path}: ${trouble.detail}`));
    },
    failed: (code) => end(connectionFailure(code, path)),
    closed: () => end(failure('io', `${path} hung up`)),
  });
  socket.write(opening(uid));
  return { close: () => end(null) };
}

function opening(uid: number): Buffer {
  const writer = new WireWriter();
  writer.raw(authentication(uid));
  for (const [index, call] of CALLS.entries()) writeCall(writer, call, index + 1);
  return writer.take();
}

/** Of a call that was refused nothing comes: no signals is worse than none that are told. */
function refusal(path: string, message: BusMessage): BusFailure {
  const said = message.signature.startsWith('s') ? `: ${message.body.string()}` : '';
  return failure('denied', `${path} refused ${message.errorName ?? 'a call'}${said}`);
}
