/** Serves the metrics over HTTP, on a Unix socket of this user alone or on the loopback. Reads nothing but the request line. */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { err, ok, type Result } from '../../spec/result.ts';
import { errnoOf } from '../files/failures.ts';
import { type Failure, failure } from '../outcome.ts';
import type { MetricsAddress } from './address.ts';

export interface MetricsServer {
  /** The port that was had; null for a Unix socket. */
  readonly port: number | null;
  readonly close: () => Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;

export async function serveMetrics(
  address: MetricsAddress,
  render: () => string,
): Promise<Result<MetricsServer, Failure>> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    const known = path === '/metrics' || path === '/';
    const allowed = request.method === 'GET' || request.method === 'HEAD';
    response.statusCode = known ? (allowed ? 200 : 405) : 404;
    response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    response.end(response.statusCode === 200 ? render() : '');
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = 16;
  const free = address.kind === 'unix' ? await makeRoom(address.path) : ok(null);
  if (!free.ok) return free;
  const listening = await listen(server, address);
  if (!listening.ok) return listening;
  // Whoever scrapes must not keep a controller alive that wants to end.
  server.unref();
  const bound = server.address();
  return ok({
    port: typeof bound === 'object' && bound !== null ? bound.port : null,
    close: () => close(server),
  });
}

function listen(server: Server, address: MetricsAddress): Promise<Result<null, Failure>> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(err(refused(address, error.code ?? error.message))));
    const done = (): void => resolve(ok(null));
    if (address.kind === 'tcp') {
      server.listen(address.port, address.host, done);
      return;
    }
    // A socket is made with the process's umask: nobody else may connect for an instant either.
    const before = process.umask(0o177);
    try {
      server.listen(address.path, () => {
        chmodSync(address.path, 0o600);
        done();
      });
    } finally {
      process.umask(before);
    }
  });
}

/** A socket that nobody listens on was left behind; one that answers belongs to a live controller. */
async function makeRoom(path: string): Promise<Result<null, Failure>> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return ok(null);
  if (!stat.isSocket())
    return err(failure('metrics-path', 'The path for metrics is taken', `${path} is there and no socket`));
  if (await answers(path))
    return err(failure('metrics-path', 'The path for metrics is taken', `somebody listens on ${path}`));
  try {
    unlinkSync(path);
    return ok(null);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    return err(failure('metrics-path', 'The path for metrics cannot be used', `${path}: ${errno}`));
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function refused(address: MetricsAddress, code: string): Failure {
  const where = address.kind === 'unix' ? address.path : `${address.host}:${address.port}`;
  return failure(
    'metrics-refused',
    'Metrics cannot be served',
    `${where}: ${code}`,
    'choose another place with --metrics',
  );
}
