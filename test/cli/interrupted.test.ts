/** The real command, interrupted by signals and bugs: what it says, what it leaves, and how the next one goes on. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildFleet, type Ended, KilledFleet } from '../chaos/killed-fleet.ts';

let dist: string;
let fleet: KilledFleet;
beforeAll(() => {
  dist = buildFleet();
}, 60_000);
afterAll(() => rmSync(dist, { recursive: true, force: true }));
beforeEach(() => {
  fleet = new KilledFleet(dist);
  // One after the other: the second's turn comes when the first is ready.
  fleet.roster(['name: first', 'name: second, depends_on: [first]']);
});
afterEach(() => fleet.close());

const lines = ({ stdout }: Ended) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Signals the command each time that `when` appears in what it says. */
async function signalled(
  args: readonly string[],
  signal: NodeJS.Signals,
  when: RegExp,
  times = 1,
  shell?: string,
): Promise<Ended> {
  const child = fleet.start(args, {}, shell);
  const said = { stdout: '', stderr: '' };
  let sent = 0;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk) => {
      said[name] += String(chunk);
      // The second when the first was heard.
      const heard =
        sent === 0 ? when.test(said.stdout + said.stderr) : said.stderr.includes('finishing what is under way');
      if (heard && sent < times) {
        sent += 1;
        child.kill(signal);
      }
    });
  }
  return new Promise((resolve) => child.once('close', (code, how) => resolve({ code, signal: how, ...said })));
}

async function goesOn(): Promise<void> {
  expect(await fleet.apply()).toMatchObject({ code: 0 });
  expect((await fleet.run(['plan', '--detailed-exitcode'])).code).toBe(0);
  expect(fleet.state()).toMatchObject({ starts: { first: 1, second: 1 }, interrupted: null });
}

describe('interrupted once', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    'by %s: ends after the current effect, says what was done and what not, and exits %i',
    async (signal, code) => {
      const ended = await signalled(['apply', '-y', '--json'], signal, /"event":"started".*session\/first/);
      expect(ended.code).toBe(code);
      const all = lines(ended);
      expect(all.filter((l) => l.event === 'summary')).toHaveLength(1);
      expect(all.at(-1)).toMatchObject({ event: 'summary', interrupted: true, failed: 0, exit_code: code });
      expect(all.at(-1).skipped['not-attempted']).toBe(1);
      expect(all.find((l) => l.event === 'skipped')).toMatchObject({
        detail: 'interrupted before its turn',
        agent: 'second',
      });
      expect((await fleet.run(['plan'])).stderr).toBe('');
      await goesOn();
    },
  );

  test.each([
    ['goes to nobody any more', 'mkfifo "$TMPDIR/p"; : <"$TMPDIR/p" & exec 2>"$TMPDIR/p"; wait; exec "$@"'],
    ['finds no room', 'exec "$@" 2>/dev/full'],
    ['is closed', 'exec "$@" 2>&-'],
  ])('what it says about that %s: it ends as well', async (_what, shell) => {
    const ended = await signalled(
      ['apply', '-y', '-v', '--json'],
      'SIGTERM',
      /"event":"started".*session\/first/,
      1,
      shell,
    );
    expect([ended.code, ended.signal]).toEqual([143, null]);
    expect(lines(ended).at(-1)).toMatchObject({ event: 'summary', interrupted: true, failed: 0, exit_code: 143 });
    await goesOn();
  });

  test('as text: how to go on is said', async () => {
    const ended = await signalled(['apply', '-y'], 'SIGINT', /tmux-server/);
    expect(ended.code).toBe(130);
    expect(ended.stdout).toMatch(
      /\nInterrupted\. Applied \d+ changes, .*not-attempted.* Run fleet apply again: it goes on with what is left\.\n$/,
    );
    await goesOn();
  });
});

test('interrupted twice: ends now, and the last line says what was under way', async () => {
  const ended = await signalled(['apply', '-y', '--json'], 'SIGINT', /"event":"started".*session\/first/, 2);
  expect(ended.code).toBe(130);
  const summary = lines(ended).at(-1);
  expect(summary).toMatchObject({
    event: 'summary',
    interrupted: true,
    exit_code: 130,
    skipped: { 'not-attempted': 1 },
  });
  expect(summary.under_way).toEqual([{ address: expect.stringContaining('session/first'), action: 'start' }]);
  expect(summary.error.remedy).toContain('fleet apply again');
  await goesOn();
});

test('killed: the next plan and apply say in the middle of what, until an apply has ended', async () => {
  fleet.forgetMoments();
  expect((await fleet.run(['apply', '-y'], { TEST_KILL: 'made 10' })).signal).toBe('SIGKILL');
  const first = fleet
    .moments()
    .findLast((m) => m.name === 'made')
    ?.address.split('/')
    .slice(2)
    .join('/');
  const said = new RegExp(
    `^fleet: the last apply \\(plan [0-9a-f]{12}, .*Z\\) did not end; it was in the middle of .*${first}`,
  );
  const planned = await fleet.run(['plan', '--json']);
  expect(planned.stderr).toMatch(said);
  expect(JSON.parse(planned.stdout).warnings).toEqual([]);
  expect((await fleet.run(['apply', '-y'])).stderr).toMatch(said);
  expect((await fleet.run(['plan'])).stderr).toBe('');
  await goesOn();
});

test('a plan made while an apply is at work says that, and not that it died', async () => {
  const child = fleet.start(['apply', '-y', '--json']);
  await new Promise<void>((resolve) => child.stdout.on('data', (c) => /"waiting".*first/.test(String(c)) && resolve()));
  const { stderr } = await fleet.run(['plan']);
  expect(stderr).toMatch(/^fleet: an apply is under way \(plan /);
  await new Promise((resolve) => child.once('close', resolve));
});

describe('apply --json ends with a summary', () => {
  test('where a signal ends it before its first effect', async () => {
    const holder = fleet.start(['apply', '-y', '--json']);
    await new Promise<void>((resolve) =>
      holder.stdout.on('data', (c) => /"waiting".*first/.test(String(c)) && resolve()),
    );
    const waiting = ['apply', '-y', '--json', '--lock-timeout', '60s'];
    const ended = await signalled(waiting, 'SIGTERM', /waiting up to/);
    expect(ended.code).toBe(143);
    expect(lines(ended)).toMatchObject([{ event: 'summary', applied: 0, interrupted: true, exit_code: 143 }]);
    await new Promise((resolve) => holder.once('close', resolve));
  });

  test('where a bug comes up in the middle of an effect, and the next one goes on', async () => {
    fleet.forgetMoments();
    const at = { TEST_THROW: `done ${await address('session/first')} start` };
    const ended = await fleet.run(['apply', '-y', '--json'], at);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('This is a bug in fleet.');
    expect(lines(ended).at(-1)).toMatchObject({
      event: 'summary',
      exit_code: 1,
      error: { message: expect.stringContaining('a bug') },
    });
    expect((await fleet.run(['plan'])).stderr).toMatch(/did not end; it was in the middle of session\/first/);
    await goesOn();
  });

  test('where its flags are none', async () => {
    const ended = await fleet.run(['apply', '-y', '--json', '--no-such-flag']);
    expect(ended.code).toBe(64);
    expect(lines(ended)).toMatchObject([{ event: 'summary', exit_code: 64 }]);
    expect(existsSync(join(fleet.home, '.local'))).toBe(false);
  });
});

async function address(of: string): Promise<string> {
  const { stdout } = await fleet.run(['plan', '--json']);
  return JSON.parse(stdout)
    .changes.map((c: { address: string }) => c.address)
    .find((a: string) => a.endsWith(of));
}

test('stopped by a PAUSED file: plan says so beside the plan, and apply what to remove before it is run again', async () => {
  const brake = join(fleet.home, '.local/state/fleet/PAUSED');
  mkdirSync(dirname(brake), { recursive: true });
  writeFileSync(brake, '');
  const planned = await fleet.run(['plan']);
  expect([planned.code, planned.stderr]).toEqual([
    0,
    `fleet: All actions are stopped: ${brake} is there; to go on: rm ${brake}\n`,
  ]);
  const applied = await fleet.apply();
  expect(applied.code).toBe(1);
  expect(applied.stdout).toContain(
    ` All actions are stopped: ${brake} is there, to go on: rm ${brake}, then run fleet apply again.\n`,
  );
  rmSync(brake);
  await goesOn();
});
