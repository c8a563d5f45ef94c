import { execFileSync, spawn } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseHeartbeat } from '../../src/observe/heartbeat-file.ts';
import { type HeartbeatsRequest, observeHeartbeats } from '../../src/observe/heartbeats.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import { atOnce } from './at-once.ts';

const BEAT = {
  state: 'present',
  ts_ms: 1_700_000_000_000,
  pid: null,
  status: null,
  model: null,
  seq: null,
  note: null,
};

describe('a heartbeat file', () => {
  it.each([
    ['seconds', 'ts=1700000000\n', {}],
    ['seconds with decimals', 'ts=1700000000.25\n', { ts_ms: 1_700_000_000_250 }],
    ['RFC 3339', 'ts=2023-11-14T22:13:20Z\n', {}],
    ['RFC 3339 with an offset and decimals', 'ts=2023-11-14t23:13:20.5+01:00\n', { ts_ms: 1_700_000_000_500 }],
    [
      'all that it may say',
      'ts=1700000000\npid=12\nstatus=busy\nmodel=sonnet\nseq=7\nnote=a = b\n',
      { pid: 12, status: 'busy', model: 'sonnet', seq: 7, note: 'a = b' },
    ],
    ['unknown keys, blank lines, no newline at the end', '\nfuture=1\nts=1700000000\n\nstatus=ok', { status: 'ok' }],
    ['line ends of another system', 'ts=1700000000\r\nstatus=ok\r\n', { status: 'ok' }],
    ['JSON', '{"ts": 1700000000.0, "pid": 12, "status": "ok", "extra": {}}', { pid: 12, status: 'ok' }],
    ['JSON with texts', '{"ts": "2023-11-14T22:13:20Z", "pid": "12", "note": null}\n', { pid: 12 }],
    ['a status that is none', 'ts=1700000000\nstatus=stuck\npid=-1\nseq=x\n', {}],
  ])('is read: %s', (_, text, changes) => {
    expect(parseHeartbeat(text)).toEqual({ ...BEAT, ...changes });
  });

  it.each([
    ['nothing', ''],
    ['no time', 'pid=12\nstatus=ok\n'],
    ['0, which is not a time', 'ts=0\n'],
    ['half a time', 'ts=17000\n'],
    ['milliseconds', 'ts=1700000000000\n'],
    ['a time of another form', 'ts=Tue Nov 14 22:13:20 2023\n'],
    ['a date alone', 'ts=2023-11-14\n'],
    ['a month that is none', 'ts=2023-13-14T22:13:20Z\n'],
    ['a negative time', 'ts=-1700000000\n'],
    ['hexadecimal', 'ts=0x6553f100\n'],
    ['an exponent', 'ts=1.7e9\n'],
    ['infinity', 'ts=Infinity\n'],
    ['two times', 'ts=1700000000\nts=1700000001\n'],
    ['a torn line', 'ts=1700000000\nstat'],
    ['torn JSON', '{"ts": 1700000000'],
    ['a JSON list', '[1700000000]'],
    ['JSON null', 'null'],
    ['binary', '\0\u0001ts=1700000000'],
  ])('is none: %s', (_, text) => {
    expect(parseHeartbeat(text)).toBeNull();
  });
});

const uid = process.getuid?.() ?? 0;
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'fleet-beats-'));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

const observe = (request: Partial<HeartbeatsRequest> = {}) =>
  atOnce(
    observeHeartbeats({
      layout: layoutOf('fleet'),
      agents: ['coder'],
      others: [],
      uid,
      home,
      envFiles: {},
      envValues: new Map(),
      ...request,
    }),
  ).agents['coder'];

const fleetRun = () => {
  const directory = join(home, '.local/state/fleet/run');
  mkdirSync(directory, { recursive: true });
  return directory;
};

describe('the heartbeats of an agent', () => {
  it('are absent where there is no directory or no file', () => {
    const directory = join(home, '.local/state/fleet/run');
    expect(observe()).toEqual({ directory, beat: { state: 'absent' }, native: { state: 'absent' } });
    fleetRun();
    expect(observe()).toMatchObject({ beat: { state: 'absent' }, native: { state: 'absent' } });
  });

  it('are both told: which one wins is not judged here', () => {
    const directory = fleetRun();
    writeFileSync(join(directory, 'coder.hb'), 'ts=1700000000\n');
    writeFileSync(join(directory, 'coder.hb.native'), 'ts=1700000001\npid=5\n');
    expect(observe()).toEqual({ directory, beat: BEAT, native: { ...BEAT, ts_ms: 1_700_000_001_000, pid: 5 } });
  });

  it('are unreadable, and never absent, when they are anything but a whole file of the tenant', () => {
    const directory = fleetRun();
    const file = join(directory, 'coder.hb');
    const cases: [string, string, () => void][] = [
      ['empty', 'garbage', () => writeFileSync(file, '')],
      ['torn', 'garbage', () => writeFileSync(file, 'ts=1700000000\nstat')],
      ['too large', 'too-large', () => writeFileSync(file, `ts=1700000000\n#${'x'.repeat(65_536)}`)],
      ['huge', 'too-large', () => writeFileSync(file, '') ?? truncateSync(file, 2 ** 40)],
      ['a FIFO', 'not-regular', () => execFileSync('mkfifo', [file])],
      ['a directory', 'not-regular', () => mkdirSync(file)],
      ['a link', 'not-regular', () => symlinkSync('/etc/passwd', file)],
      ['a link to nowhere', 'not-regular', () => symlinkSync('/nowhere', file)],
    ];
    if (uid === 0) {
      cases.push([
        'of another user',
        'denied',
        () => writeFileSync(file, 'ts=1700000000\n') ?? chownSync(file, 1234, 1234),
      ]);
    }
    for (const [name, why, make] of cases) {
      rmSync(file, { recursive: true, force: true });
      make();
      expect(observe()?.beat, name).toMatchObject({ state: 'unreadable', why });
      expect(observe()?.native, name).toEqual({ state: 'absent' });
    }
  });

  it('are unreadable where their directory is a link or belongs to another user', () => {
    mkdirSync(join(home, '.local/state/fleet'), { recursive: true });
    mkdirSync(join(home, 'elsewhere'));
    symlinkSync(join(home, 'elsewhere'), join(home, '.local/state/fleet/run'));
    expect(observe()).toMatchObject({ beat: { state: 'unreadable' }, native: { state: 'unreadable' } });
  });

  it('are read while others replace them: whole every time', () => {
    const directory = fleetRun();
    writeFileSync(join(directory, 'coder.hb'), 'ts=1700000000\n');
    const replace = 'i=0; while [ $i -lt 300 ]; do echo ts=1700000001 > n; mv n coder.hb; i=$((i+1)); done; : > done';
    const writer = spawn('sh', ['-c', replace], { cwd: directory });
    let reads = 0;
    try {
      for (const end = Date.now() + 10_000; Date.now() < end && !existsSync(join(directory, 'done')); reads++) {
        expect(observe()?.beat.state).toBe('present');
      }
    } finally {
      writer.kill('SIGKILL');
    }
    expect(reads).toBeGreaterThan(10);
  });
});

describe('the directory of layout mosaic', () => {
  const layout = layoutOf('mosaic');
  const at = (env: Readonly<Record<string, string>> | null, unit?: Readonly<Record<string, string>>) =>
    observe({
      layout,
      envValues: new Map(env === null ? [] : [['coder', env]]),
      ...(unit === undefined ? {} : { unitEnvironment: () => unit }),
    })?.directory;

  it('is where the env file says, else the unit, else the usual one', () => {
    expect(at(null)).toBe(join(home, '.config/mosaic/fleet/run'));
    expect(at({})).toBe(join(home, '.config/mosaic/fleet/run'));
    expect(at({ MOSAIC_HOME: '/m' })).toBe('/m/fleet/run');
    expect(at({ MOSAIC_HOME: '/m', MOSAIC_HEARTBEAT_RUN_DIR: '/beats' })).toBe('/beats');
    expect(at({ MOSAIC_HOME: '', MOSAIC_HEARTBEAT_RUN_DIR: '' })).toBe(join(home, '.config/mosaic/fleet/run'));
    expect(at(null, { MOSAIC_HEARTBEAT_RUN_DIR: '/unit' })).toBe('/unit');
    expect(at({ MOSAIC_HEARTBEAT_RUN_DIR: '/beats' }, { MOSAIC_HEARTBEAT_RUN_DIR: '/unit' })).toBe('/beats');
  });

  it('is not taken from the environment of the caller', () => {
    process.env['MOSAIC_HEARTBEAT_RUN_DIR'] = '/caller';
    try {
      expect(at(null)).toBe(join(home, '.config/mosaic/fleet/run'));
    } finally {
      delete process.env['MOSAIC_HEARTBEAT_RUN_DIR'];
    }
  });

  it('is unknown where the env file is, or where it names no absolute path', () => {
    const unknown = { state: 'unknown', why: 'denied', detail: 'x' } as const;
    expect(observe({ layout, envFiles: { coder: unknown } })?.beat).toMatchObject({
      state: 'unreadable',
      why: 'denied',
    });
    const relative = new Map([['coder', { MOSAIC_HEARTBEAT_RUN_DIR: '~/beats' }]]);
    expect(observe({ layout, envValues: relative })?.beat).toMatchObject({ state: 'unreadable', why: 'garbage' });
  });

  it('does not matter in layout fleet', () => {
    const env = new Map([['coder', { MOSAIC_HEARTBEAT_RUN_DIR: '/beats' }]]);
    expect(observe({ envValues: env })?.directory).toBe(join(home, '.local/state/fleet/run'));
  });
});
