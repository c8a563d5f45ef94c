import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { knownFiles } from '../../src/observe/known-files.ts';
import type { RunProgram, RunResult } from '../../src/observe/run.ts';
import { bootTargets } from '../../src/observe/systemd/boot-targets.ts';
import { readUnitLinks } from '../../src/observe/systemd/links.ts';
import { mayNeedReload } from '../../src/observe/systemd/reload.ts';
import { parseShow, parseShownList } from '../../src/observe/systemd/show-text.ts';
import { classifyFailure, systemctl } from '../../src/observe/systemd/systemctl.ts';
import { askManager, inspectRuntimeDirectory, observeUnits } from '../../src/observe/systemd/units.ts';
import type { ClockReading, UnitListing, UserManager } from '../../src/observe/systemd/user-instance.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import { ok } from '../../src/spec/result.ts';
import { AUTHENTICATED, fakeBus, message } from './systemd-fake-bus.ts';

const LAYOUT = layoutOf('mosaic');
const TEMPLATE = LAYOUT.agentTemplate;
const PI = LAYOUT.agentUnit('pi');
const CODER = LAYOUT.agentUnit('coder');
const uid = process.getuid?.() ?? 0;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fleet-test-units-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const at = (path: string): string => {
  const whole = join(root, path);
  mkdirSync(dirname(whole), { recursive: true });
  return whole;
};
const file = (path: string, content = '[Service]\n'): void => writeFileSync(at(path), content);
const link = (path: string, destination: string): void => symlinkSync(destination, at(path));
const links = () => {
  const read = readUnitLinks(
    [join(root, 'own'), join(root, 'vendor')],
    TEMPLATE,
    (unit) => LAYOUT.agentOfUnit(unit) !== null,
  );
  if (read.status === 'unknown') throw new Error(read.detail);
  return read.value;
};

describe('links on the disk', () => {
  test('tell by whom a unit is wanted, over all directories and kinds, in order', () => {
    link(`own/default.target.wants/${PI}`, `../${TEMPLATE}`);
    link(`own/a.target.requires/${PI}`, `../${TEMPLATE}`);
    link(`vendor/b.target.upholds/${PI}`, '/nowhere/at-all.service');
    link(`vendor/default.target.wants/${PI}`, `../${TEMPLATE}`);
    expect(links().wantedBy(PI)).toEqual(['a.target', 'b.target', 'default.target']);
    expect(links().wantedBy(CODER)).toEqual([]);
  });

  test('to /dev/null take back the same link of less important directories, not of more important ones', () => {
    link(`own/default.target.wants/${PI}`, '/dev/null');
    link(`vendor/default.target.wants/${PI}`, `../${TEMPLATE}`);
    link(`own/default.target.wants/${CODER}`, `../${TEMPLATE}`);
    link(`vendor/default.target.wants/${CODER}`, '/dev/null');
    expect(links().wantedBy(PI)).toEqual([]);
    expect(links().wantedBy(CODER)).toEqual(['default.target']);
  });

  test('a file that is no link pulls nothing in', () => {
    file(`own/default.target.wants/${PI}`);
    expect(links().wantedBy(PI)).toEqual([]);
  });

  test('instances are found by link, file and alias; never the template, nor what only looks alike', () => {
    file(`own/${TEMPLATE}`);
    file(`own/${TEMPLATE}.bak`);
    file(`own/${LAYOUT.agentUnit('filed')}`);
    file(`own/${LAYOUT.agentUnit('dropped')}.d/x.conf`);
    link(`own/default.target.wants/${PI}`, `../${TEMPLATE}`);
    link('own/boss.service', LAYOUT.agentUnit('aliased'));
    file('vendor/other@x.service');
    expect(links().found).toEqual(['aliased', 'filed', 'pi'].map((agent) => LAYOUT.agentUnit(agent)));
  });

  test('of two instances are alike only where nothing but the name differs', () => {
    link(`own/default.target.wants/${PI}`, `../${TEMPLATE}`);
    link(`own/default.target.wants/${CODER}`, `../${TEMPLATE}`);
    const { likeness } = links();
    expect(likeness(PI)).toBe(likeness(CODER));
    expect(likeness(PI)).not.toBe(likeness(LAYOUT.agentUnit('unlinked')));
  });

  test.each<[string, () => void]>([
    ['a link in another directory', () => link(`vendor/default.target.wants/${PI}`, `../${TEMPLATE}`)],
    ['a link of another target', () => link(`own/x.target.wants/${PI}`, `../${TEMPLATE}`)],
    ['a link to elsewhere', () => link(`own/default.target.wants/${PI}`, `/elsewhere/${TEMPLATE}`)],
    ['a link under another name', () => link('own/default.target.wants/boss.service', `../${PI}`)],
    ['an alias', () => link('own/boss.service', PI)],
    ['a mask', () => link(`own/${PI}`, '/dev/null')],
    ['a file of its own', () => file(`vendor/${PI}`)],
    ['a drop-in of its own', () => file(`own/${PI}.d/x.conf`)],
  ])('%s makes an instance unlike the others', (_, make) => {
    link(`own/default.target.wants/${CODER}`, `../${TEMPLATE}`);
    make();
    const { likeness } = links();
    expect(likeness(PI)).not.toBe(likeness(CODER));
    expect(likeness(PI)).not.toBe(likeness(LAYOUT.agentUnit('plain')));
  });

  test('a directory that cannot be listed is unknown, never empty', () => {
    const read = readUnitLinks([join(root, 'x'.repeat(300))], TEMPLATE, () => true);
    expect(read).toMatchObject({ status: 'unknown', why: 'io' });
  });

  test('a directory that does not exist holds nothing', () => {
    expect(links().found).toEqual([]);
  });
});

describe('whether a reload may be needed', () => {
  const now = (): ClockReading => ({
    real_ms: Date.now(),
    monotonic_ms: Number(process.hrtime.bigint()) / 1e6,
  });
  /** The kernel's time for files, as it is now. */
  const stamp = (): number => {
    file('stamp', String(Math.random()));
    return statSync(join(root, 'stamp')).ctimeMs;
  };
  const later = (reading: ClockReading, ms: number): ClockReading => ({
    real_ms: reading.real_ms + ms,
    monotonic_ms: reading.monotonic_ms + ms,
  });

  test('not, where nothing was touched since the manager loaded its units', () => {
    file(`own/${TEMPLATE}`);
    file(`own/${TEMPLATE}.d/x.conf`);
    link(`own/default.target.wants/${PI}`, `../${TEMPLATE}`);
    expect(mayNeedReload(later(now(), 500), links().files)).toBe(false);
  });

  test.each<[string, () => void]>([
    ['a unit file was written', () => file(`own/${TEMPLATE}`)],
    ['a unit file was given an old date', () => utimesSync(join(root, `own/${TEMPLATE}`), 1, 1)],
    ['a unit file got another mode', () => chmodSync(join(root, `own/${TEMPLATE}`), 0o600)],
    ['a unit file went', () => rmSync(join(root, `own/${TEMPLATE}`))],
    ['a drop-in came', () => file(`own/${TEMPLATE}.d/new.conf`)],
    ['a drop-in was written', () => file(`own/${TEMPLATE}.d/x.conf`)],
    ['a drop-in for all services came', () => file('vendor/service.d/x.conf')],
    ['a file behind a link was written', () => file('elsewhere/linked.service')],
  ])('%s since then: it may', async (_, touch) => {
    file(`own/${TEMPLATE}`);
    file(`own/${TEMPLATE}.d/x.conf`);
    file('vendor/other.service');
    file('elsewhere/linked.service');
    link('own/linked.service', '../elsewhere/linked.service');
    const written = Date.now();
    await vi.waitFor(() => expect(stamp()).toBeGreaterThan(written + 20));
    const loaded = now();
    await vi.waitFor(() => expect(stamp()).toBeGreaterThan(loaded.real_ms + 20));
    expect(mayNeedReload(loaded, links().files)).toBe(false);
    touch();
    expect(mayNeedReload(loaded, links().files)).toBe(true);
  });

  test('a clock that was set since then, or a manager that does not say: it may', () => {
    const loaded = later(now(), 500);
    expect(mayNeedReload({ ...loaded, real_ms: loaded.real_ms + 5_000 }, [])).toBe(true);
    expect(mayNeedReload({ ...loaded, monotonic_ms: loaded.monotonic_ms + 5_000 }, [])).toBe(true);
    expect(mayNeedReload(null, [])).toBe(true);
  });
});

describe('links that an earlier look has read', () => {
  const known = knownFiles(Date.now);
  const path = (): readonly string[] => [join(root, 'own'), join(root, 'vendor')];
  const read = () => readUnitLinks(path(), TEMPLATE, (unit) => LAYOUT.agentOfUnit(unit) !== null);
  const look = () => {
    const seen = known.untouched(root, read);
    if (seen.status === 'unknown') throw new Error(seen.detail);
    return seen.value;
  };
  /** Read so long after the last change that its time tells one more. */
  const settled = async () => {
    await expect.poll(() => look().touched(), { timeout: 5_000, interval: 10 }).toBe('no');
    return look();
  };

  test('are not read again', async () => {
    link(`own/default.target.wants/${PI}`, `../${TEMPLATE}`);
    expect(await settled()).toBe(look());
  });

  test.each<[string, () => void]>([
    ['removed', () => rmSync(join(root, `own/default.target.wants/${PI}`))],
    [
      'replaced by one that leads to nothing',
      () => {
        link(`own/default.target.wants/new`, '/dev/null');
        renameSync(join(root, 'own/default.target.wants/new'), join(root, `own/default.target.wants/${PI}`));
      },
    ],
    ['taken away with its directory', () => rmSync(join(root, 'own/default.target.wants'), { recursive: true })],
    ['hidden with all of them', () => renameSync(join(root, 'own'), join(root, 'away'))],
  ])('are read again where one was %s', async (_how, change) => {
    link(`own/default.target.wants/${PI}`, `../${TEMPLATE}`);
    expect((await settled()).wantedBy(PI)).toEqual(['default.target']);
    change();
    expect(look().wantedBy(PI)).toEqual([]);
  });

  test('are read again where a directory has come that was not there', async () => {
    expect((await settled()).wantedBy(PI)).toEqual([]);
    link(`vendor/default.target.wants/${PI}`, `../${TEMPLATE}`);
    expect(look().wantedBy(PI)).toEqual(['default.target']);
  });
});

describe('links that change while units are asked for', () => {
  const enable = (unit: string): void => link(`own/default.target.wants/${unit}`, `../${TEMPLATE}`);
  const enabled = (unit: string): boolean => links().wantedBy(unit).length > 0;

  /** Answers from the disk as it is at the time; `meanwhile` is called with how often it was asked before. */
  const managerOf = (meanwhile: (asked: number) => void) => {
    const asked: (readonly string[])[] = [];
    const listing: UnitListing = { load_state: 'loaded', active_state: 'active', sub_state: 'exited', job: null };
    const detail = {
      need_daemon_reload: false,
      result: 'success',
      fragment_path: null,
      drop_in_paths: [],
      requires: [],
      binds_to: [],
      part_of: [],
    };
    const manager: UserManager = {
      overview: async () =>
        ok({ version: '252', environment: [], unitPath: [join(root, 'own'), join(root, 'vendor')], loadedAt: null }),
      loaded: async () => ok(new Map()),
      list: async (names) => ok(new Map(names.map((name) => [name, listing]))),
      details: async (units) => ok(new Map([...units.keys()].map((name) => [name, detail]))),
      unitFileStates: async (names) => {
        meanwhile(asked.length);
        asked.push(names);
        return ok(new Map(names.map((name) => [name, enabled(name) ? 'enabled' : 'disabled'])));
      },
      targets: async () => ok({ start: 'default.target', pulls: new Map() }),
      close: () => undefined,
    };
    return { manager, asked };
  };
  const statesOf = async (manager: UserManager, agents = ['pi', 'coder']) => {
    const request = { layout: LAYOUT, agents, uid, runtimeDirectory: root, deadlineMs: 1000 };
    const seen = await askManager(request, manager);
    if (seen.status === 'unknown') throw new Error(seen.detail);
    return Object.fromEntries(
      agents.map((agent) => {
        const unit = seen.value.units[LAYOUT.agentUnit(agent)];
        return [agent, [unit?.unit_file_state, unit?.wanted_by.join()]];
      }),
    );
  };

  test('none does: one unit is asked for those like it, once', async () => {
    const { manager, asked } = managerOf(() => {});
    expect(await statesOf(manager)).toEqual({ pi: ['disabled', ''], coder: ['disabled', ''] });
    expect(asked).toEqual([[LAYOUT.holderUnit, PI]]);
  });

  test('once: no unit is given the state of another', async () => {
    const { manager, asked } = managerOf((before) => before === 0 && enable(PI));
    expect(await statesOf(manager)).toEqual({ pi: ['enabled', 'default.target'], coder: ['disabled', ''] });
    expect(asked).toHaveLength(2);
  });

  test('without end: each unit is asked by itself', async () => {
    const { manager, asked } = managerOf((before) => {
      enable(LAYOUT.agentUnit(`other-${before}`));
      if (before === 3) enable(PI);
    });
    expect((await statesOf(manager)).coder).toEqual(['disabled', '']);
    expect(asked).toHaveLength(4);
    expect(asked[3]).toEqual(expect.arrayContaining([PI, CODER]));
  });

  test('an instance linked meanwhile is told of too', async () => {
    const { manager } = managerOf((before) => before === 0 && enable(CODER));
    const request = { layout: LAYOUT, agents: ['pi'], uid, runtimeDirectory: root, deadlineMs: 1000 };
    const seen = await askManager(request, manager);
    expect(seen.status === 'known' && seen.value.units[CODER]?.unit_file_state).toBe('enabled');
  });
});

describe('boot targets', () => {
  test('are the closure of what default.target pulls in, targets only, circles included', () => {
    const pulls = new Map([
      ['mine.target', ['basic.target', 'a.service', 'x.target']],
      ['basic.target', ['sockets.target', 'mine.target']],
      ['other.target', ['never.target']],
    ]);
    expect(bootTargets({ start: 'mine.target', pulls })).toEqual([
      'basic.target',
      'default.target',
      'mine.target',
      'sockets.target',
      'x.target',
    ]);
  });
});

describe('the runtime directory', () => {
  test('that is not there: no-runtime-directory', () => {
    expect(inspectRuntimeDirectory(join(root, 'none'), uid)).toMatchObject({ why: 'no-runtime-directory' });
  });
  test('of another user: foreign-runtime-directory', () => {
    expect(inspectRuntimeDirectory(root, uid + 1)).toMatchObject({ why: 'foreign-runtime-directory' });
  });
  test('that is a file: no-runtime-directory', () => {
    file('x');
    expect(inspectRuntimeDirectory(join(root, 'x'), uid)).toMatchObject({ why: 'no-runtime-directory' });
  });
});

describe('systemctl instead of the bus', () => {
  const NO_BUS: RunResult = {
    kind: 'exited',
    code: 1,
    signal: null,
    stdout: '',
    stderr: 'Failed to connect to bus: No such file or directory\n',
  };
  /** Counts what was run. */
  const programs = (result: RunResult) => {
    const argv: (readonly string[])[] = [];
    const envs: unknown[] = [];
    const run: RunProgram = (program, args, options) => {
      argv.push([program, ...args]);
      envs.push(options.env);
      return Promise.resolve(result);
    };
    return { argv, envs, run };
  };
  const observe = (runtimeDirectory: string, run: RunProgram, deadlineMs = 200) =>
    observeUnits({ layout: LAYOUT, agents: ['pi'], uid, runtimeDirectory, deadlineMs }, { run });

  test('is asked where there is no bus, for the very user; its own "no bus" is the answer then', async () => {
    const { run, envs } = programs(NO_BUS);
    expect(await observe(root, run)).toMatchObject({ status: 'unknown', why: 'no-bus' });
    expect(envs[0]).toMatchObject({ XDG_RUNTIME_DIR: root, DBUS_SESSION_BUS_ADDRESS: `unix:path=${root}/bus` });
  });

  test('is asked where the bus speaks garbage, or refuses what every systemd knows', async () => {
    for (const said of [
      Buffer.from('HTTP/1.1 400\r\n'),
      Buffer.concat([
        AUTHENTICATED,
        ...[2, 3, 4, 5, 6, 7].map((serial) =>
          message(3, serial, '', Buffer.alloc(0), 'org.freedesktop.DBus.Error.UnknownMethod'),
        ),
      ]),
    ]) {
      const bus = await fakeBus((socket) => socket.write(said));
      const { run, argv } = programs(NO_BUS);
      expect(await observe(bus.runtimeDirectory, run)).toMatchObject({ status: 'unknown' });
      expect(argv.length).toBeGreaterThan(0);
      await bus.close();
    }
  });

  test('is not asked where the bus hangs or denies: it would hang or be denied too', async () => {
    for (const said of [null, 'REJECTED EXTERNAL\r\n']) {
      const bus = await fakeBus((socket) => (said === null ? undefined : socket.write(said)));
      const { run, argv } = programs(NO_BUS);
      expect(await observe(bus.runtimeDirectory, run)).toMatchObject({
        status: 'unknown',
        why: said === null ? 'timeout' : 'denied',
      });
      expect(argv).toEqual([]);
      await bus.close();
    }
  });

  test('that is not installed leaves the bus’s own failure', async () => {
    const { run } = programs({ kind: 'failed', why: 'not-installed', detail: 'no systemctl' });
    expect(await observe(root, run)).toMatchObject({ status: 'unknown', why: 'no-bus' });
  });

  test('that prints nonsense is unknown, never an empty host', async () => {
    const { run } = programs({ kind: 'exited', code: 0, signal: null, stdout: 'hello\n', stderr: '' });
    expect(await observe(root, run)).toMatchObject({ status: 'unknown', why: 'garbage' });
  });

  test('that hangs is a timeout', async () => {
    const { run } = programs({ kind: 'failed', why: 'timeout', detail: 'no answer' });
    expect(await observe(root, run)).toMatchObject({ status: 'unknown', why: 'timeout' });
  });

  test.each([
    [
      "Failed to start a.service: Transaction for a.service/start is destructive (b.service has 'stop' job queued, but 'start' is included in transaction).",
      'conflict',
      true,
    ],
    ['Job for a.service canceled.', 'conflict', true],
    ['Failed to connect to bus: No medium found', 'no-bus', false],
    ['Failed to connect to bus: No such file or directory', 'no-bus', false],
    ['Failed to connect to bus: Permission denied', 'denied', false],
    ['Failed to start a.service: Access denied', 'denied', false],
    ['Failed to start a.service: Interactive authentication required.', 'denied', false],
    ['Failed to start a.service: Unit a.service not found.', 'no-such-unit', false],
    ['Failed to enable unit: Unit file a.service does not exist.', 'no-such-unit', false],
    ['Job for a.service failed because the control process exited with error code.\nSee …', 'job-failed', false],
    ['Job for a.service failed because start of the service was attempted too often.', 'job-failed', false],
    ['Job for a.service failed because a timeout was exceeded.', 'job-failed', false],
    ["A dependency job for a.service failed. See 'journalctl -xe' for details.", 'job-failed', false],
    ['Failed to start a.service: Connection timed out', 'timeout', false],
    ['Failed to start a.service: Unit a.service is masked.', 'refused', false],
  ])('says %j: %s', (said, why, transient) => {
    expect(classifyFailure(said)).toEqual({ why, transient, detail: said });
  });

  test('is run for the user by number, asks for no password, and gives what it printed', async () => {
    const { run, argv, envs } = programs({ kind: 'exited', code: 0, signal: null, stdout: 'x\n', stderr: '' });
    expect(await systemctl(run, 1234, ['start', '--', PI], 100)).toEqual({ ok: true, value: 'x\n' });
    expect(argv).toEqual([['systemctl', '--user', '--no-ask-password', '--no-pager', 'start', '--', PI]]);
    expect(envs[0]).toMatchObject({ XDG_RUNTIME_DIR: '/run/user/1234' });
  });

  test('show’s blocks and lists are read as it prints them', () => {
    expect(parseShow('Id=a.service\nX=1=2\n\nId=b.service\n').map((unit) => Object.fromEntries(unit))).toEqual([
      { Id: 'a.service', X: '1=2' },
      { Id: 'b.service' },
    ]);
    expect(parseShownList('/a/b "/with blank/c \\"d\\"" e')).toEqual(['/a/b', '/with blank/c "d"', 'e']);
    expect(parseShownList('')).toEqual([]);
  });
});
