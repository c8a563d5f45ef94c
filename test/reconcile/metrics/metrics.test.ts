import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseMetricsAddress } from '../../../src/reconcile/metrics/address.ts';
import { METRICS } from '../../../src/reconcile/metrics/metrics.ts';
import { createRegistry } from '../../../src/reconcile/metrics/registry.ts';
import { type MetricsServer, serveMetrics } from '../../../src/reconcile/metrics/server.ts';

describe('the text', () => {
  const SPECS = [
    { name: 'c_total', type: 'counter', help: 'A count.' },
    { name: 'g', type: 'gauge', help: 'Back\\slash and\nline.' },
    { name: 'h_seconds', type: 'histogram', help: 'Times.', buckets: [0.1, 1] },
  ] as const;

  test('is as Prometheus reads it: help, type, escaped labels, cumulative buckets', () => {
    const registry = createRegistry(SPECS);
    registry.add('c_total', { reason: 'a"b\\c\nd' }, 1);
    registry.add('c_total', { reason: 'a"b\\c\nd' }, 2);
    registry.set('g', [[{}, 1.5]]);
    for (const value of [0.05, 0.1, 0.5, 5]) registry.observe('h_seconds', { scope: 'full' }, value);
    expect(registry.render()).toBe(
      [
        '# HELP c_total A count.',
        '# TYPE c_total counter',
        'c_total{reason="a\\"b\\\\c\\nd"} 3',
        '# HELP g Back\\\\slash and\\nline.',
        '# TYPE g gauge',
        'g 1.5',
        '# HELP h_seconds Times.',
        '# TYPE h_seconds histogram',
        'h_seconds_bucket{scope="full",le="0.1"} 2',
        'h_seconds_bucket{scope="full",le="1"} 3',
        'h_seconds_bucket{scope="full",le="+Inf"} 4',
        'h_seconds_sum{scope="full"} 5.65',
        'h_seconds_count{scope="full"} 4',
        '',
      ].join('\n'),
    );
  });

  test('a gauge that is set anew forgets the samples that are gone', () => {
    const registry = createRegistry(SPECS);
    registry.set('g', [[{ agent: 'a' }, 1]]);
    registry.set('g', [[{ agent: 'b' }, 1]]);
    expect(registry.render()).not.toContain('agent="a"');
  });

  test('an unknown name is a bug, not a new metric', () => {
    expect(() => createRegistry(SPECS).add('other', {}, 1)).toThrow('no metric is called other');
  });
});

describe('the address', () => {
  test.each([
    ['unix:/run/user/1/fleet.sock', { kind: 'unix', path: '/run/user/1/fleet.sock' }],
    ['127.0.0.1:9464', { kind: 'tcp', host: '127.0.0.1', port: 9464 }],
    ['[::1]:9464', { kind: 'tcp', host: '::1', port: 9464 }],
    ['localhost:1', { kind: 'tcp', host: '127.0.0.1', port: 1 }],
  ])('%s', (text, address) => {
    expect(parseMetricsAddress(text)).toEqual({ ok: true, value: address });
  });

  test.each([
    '0.0.0.0:9464',
    ':9464',
    '9464',
    '192.168.1.2:9464',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    'unix:relative',
    'unix:',
    `unix:/${'x'.repeat(107)}`,
    '127.0.0.2.example:1',
  ])('%s is refused', (text) => {
    expect(parseMetricsAddress(text).ok).toBe(false);
  });
});

describe('the server', () => {
  let directory = '';
  let server: MetricsServer | null = null;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'fleet-test-metrics-'));
  });
  afterEach(async () => {
    await server?.close();
    server = null;
    rmSync(directory, { recursive: true });
  });
  const serve = async (path: string) => {
    const served = await serveMetrics({ kind: 'unix', path }, () => 'm 1\n');
    if (served.ok) server = served.value;
    return served;
  };
  const get = (socketPath: string, path = '/metrics', method = 'GET') =>
    new Promise<{ readonly status: number | undefined; readonly body: string }>((resolve, reject) => {
      const asked = request({ socketPath, path, method }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, body }));
      });
      asked.on('error', reject);
      asked.end();
    });

  test('gives the text on a socket that is this user alone', async () => {
    const path = join(directory, 's');
    expect((await serve(path)).ok).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await get(path)).toEqual({ status: 200, body: 'm 1\n' });
    expect((await get(path, '/other')).status).toBe(404);
    expect((await get(path, '/metrics', 'POST')).status).toBe(405);
  });

  test('takes the place of a socket that was left behind, and of nothing else', async () => {
    const path = join(directory, 's');
    // A socket file whose listener died without unlinking it.
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    expect(() => execFileSync(process.execPath, ['-e', script])).toThrow();
    expect(existsSync(path)).toBe(true);
    expect((await serve(path)).ok).toBe(true);

    const file = join(directory, 'file');
    writeFileSync(file, 'mine');
    expect(await serveMetrics({ kind: 'unix', path: file }, () => '')).toMatchObject({
      ok: false,
      error: { code: 'metrics-path' },
    });
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  test('leaves a socket alone that somebody listens on', async () => {
    const path = join(directory, 's');
    const other = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => other.listen(path, resolve));
    expect(await serve(path)).toMatchObject({ ok: false, error: { code: 'metrics-path' } });
    await new Promise((resolve) => other.close(resolve));
  });

  test('a port is the loopback alone', async () => {
    const served = await serveMetrics({ kind: 'tcp', host: '127.0.0.1', port: 0 }, () => 'm 1\n');
    if (!served.ok) throw new Error(served.error.detail);
    server = served.value;
    const answer = await fetch(`http://127.0.0.1:${served.value.port}/metrics`);
    expect(await answer.text()).toBe('m 1\n');
    const table = readFileSync('/proc/net/tcp', 'utf8');
    const port = (served.value.port ?? 0).toString(16).toUpperCase().padStart(4, '0');
    expect(table).toContain(`0100007F:${port}`);
    expect(table).not.toContain(`00000000:${port}`);
  });

  test('says why where it cannot listen', async () => {
    chmodSync(directory, 0o755);
    expect(await serve(join(directory, 'no', 's'))).toMatchObject({ ok: false, error: { code: 'metrics-refused' } });
  });
});

describe('names', () => {
  test('are of the form and the units that Prometheus asks for', () => {
    for (const { name, type } of METRICS) {
      expect(name).toMatch(/^fleet_[a-z_]+$/);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    }
    expect(new Set(METRICS.map((m) => m.name)).size).toBe(METRICS.length);
  });
});
