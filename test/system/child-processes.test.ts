/**
 * How many processes a look starts does not grow with the fleet. As the kernel counts them: each process and thread of a pid
 * namespace takes the next number, and the host has a namespace of its own.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSuccess, type Fleet, fleetOn } from './harness/fleet.ts';
import { bootHost } from './harness/host.ts';
import { describeOnHost } from './harness/on-host.ts';
import { installStub, stubRoster } from './harness/stub-fleet.ts';

const USER = 'jarvis';
const SOCKET = 'counted';
const ROSTER = `/home/${USER}/fleet.yaml`;
const SIZES = [5, 40] as const;
/** What else the host starts meanwhile can only add to a count. */
const ROUNDS = 5;

/** The shell starts one more for `"$@"`, and one for the last cat. */
const COUNT = `before=$(cat /proc/sys/kernel/ns_last_pid)
"$@" >/dev/null 2>&1
after=$(cat /proc/sys/kernel/ns_last_pid)
echo $((after - before - 2))`;

interface Counts {
  readonly plan: number;
  readonly observe: number;
  readonly ps: number;
}

describeOnHost('child processes of a look', () => {
  let fleet: Fleet;
  const asWanted = new Map<number, Counts>();
  const gone = new Map<number, Counts>();

  const countOf = async (argv: readonly string[]): Promise<number> => {
    const counts: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      counts.push(Number(await fleet.host.mustAs(USER, ['sh', '-c', COUNT, 'count', ...argv])));
    }
    return Math.min(...counts);
  };
  const look = (command: string): Promise<number> =>
    countOf([fleet.host.node, '/opt/fleet/fleet.cjs', command, '-f', ROSTER]);
  const counts = async (): Promise<Counts> => ({
    plan: await look('plan'),
    observe: await look('observe'),
    ps: await look('ps'),
  });

  beforeAll(async () => {
    const host = await bootHost({ users: [{ name: USER, linger: true }] });
    fleet = fleetOn(host, USER, ROSTER);
    await installStub(host, USER);
    for (const size of SIZES) {
      const agents = Array.from({ length: size }, (_, index) => `agent-${index}`);
      await host.write(USER, ROSTER, stubRoster({ layout: 'fleet', socket: SOCKET, agents, more: [] }));
      expectSuccess(await fleet.apply());
      await fleet.expectClean();
      asWanted.set(size, await counts());
      await host.mustAs(USER, ['tmux', '-L', SOCKET, 'kill-server']);
      gone.set(size, await counts());
    }
  });
  afterAll(() => fleet?.host.destroy());

  test('the count is exact: one more for each program that a program starts', async () => {
    const script = (programs: number): readonly string[] => ['sh', '-c', `${'/bin/true;'.repeat(programs)}:`];
    const none = await countOf(script(0));
    expect([await countOf(script(1)), await countOf(script(9))]).toEqual([none + 1, none + 9]);
  });

  test.each(['plan', 'observe', 'ps'] as const)('fleet %s of 40 agents starts as many as of 5', async (command) => {
    const of = (counted: ReadonlyMap<number, Counts>) =>
      SIZES.map((size) => counted.get(size)?.[command] ?? Number.NaN);
    const [few, many] = of(asWanted);
    expect(few).toBeGreaterThan(await countOf([fleet.host.node, '-e', '0']));
    expect(many).toBe(few);
    const [fewGone, manyGone] = of(gone);
    expect(manyGone, 'with no tmux server').toBe(fewGone);
  });
});
