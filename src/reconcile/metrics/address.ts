/** Where metrics are served: this user's own socket, or this machine's own loopback. Nothing else is offered. */
import { isAbsolute } from 'node:path';
import { err, ok, type Result } from '../../spec/result.ts';

export type MetricsAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: '127.0.0.1' | '::1'; readonly port: number };

/** `unix:PATH` (absolute), `127.0.0.1:PORT` or `[::1]:PORT`. The error says what is wrong. */
export function parseMetricsAddress(text: string): Result<MetricsAddress, string> {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (!isAbsolute(path)) return err(`${text}: the path of a socket is absolute`);
    // sun_path of unix(7) has 108 bytes, the last of them 0.
    return Buffer.byteLength(path) > 107
      ? err(`${text}: a socket's path has at most 107 bytes`)
      : ok({ kind: 'unix', path });
  }
  const match = /^(127\.0\.0\.1|\[::1\]|localhost):(\d{1,5})$/.exec(text);
  const [, name, digits] = match ?? [];
  if (name === undefined || digits === undefined) {
    return err(`${text} is neither unix:PATH nor a port of the loopback, 127.0.0.1:PORT`);
  }
  const port = Number(digits);
  if (port < 1 || port > 65_535) return err(`${text}: a port is from 1 to 65535`);
  return ok({ kind: 'tcp', host: name === '[::1]' ? '::1' : '127.0.0.1', port });
}
