/** The last look before an agent is brought up or replaced asks for what it needs, as the plan did: it may be gone meanwhile. */
import { expect, test } from 'vitest';
import type { PathObserved } from '../../src/observe/state.ts';
import * as seen from '../diff/world.ts';
import { told } from './records.ts';
import { FLEET } from './rosters.ts';
import { World } from './world.ts';

const YAML = FLEET.replace('{ name: coder }', '{ name: coder, env: { TOKEN: { from_file: ~/.token } } }');
const MISSING: PathObserved = { state: 'missing', detail: 'there is none' };
const DENIED: PathObserved = { state: 'unknown', why: 'denied', detail: 'EACCES' };

const places = (world: World) => seen.filesOf(world.truth as seen.Mutable<typeof world.truth>);
const LOST: readonly (readonly [string, (world: World, now: PathObserved) => void])[] = [
  ['secret-missing', (world, now) => Object.assign(places(world).secret_files ?? {}, { '~/.token': now })],
  ['command-missing', (world, now) => Object.assign(places(world).commands, { coder: now })],
  [
    'workdir-missing',
    (world, now) => Object.assign(places(world).directories, { [world.agent('coder').workingDirectory]: now }),
  ],
];

const BROKEN: readonly (readonly [string, (world: World) => void])[] = [
  ['restart session/coder', (world) => world.runs('coder', { verdict: 'shell', pid: 2000, program: 'bash' })],
  ['start session/coder', (world) => world.dropSession('coder')],
];

for (const [made, breakIt] of BROKEN) {
  test.each(LOST)(`${made}: %s since the plan was made: nothing is ended or started`, async (reason, lose) => {
    const world = new World(YAML);
    breakIt(world);
    const plan = world.plan();
    expect(seen.lines(plan)[0]).toContain(made);
    lose(world, MISSING);
    const result = await world.apply({ plan });
    expect(told(result)).toEqual([`skipped ${made} stale`]);
    expect(result.outcomes[0]).toMatchObject({ detail: expect.stringContaining(`${reason} by now: `) });
    lose(world, DENIED);
    expect(told(await world.apply({ plan }))).toEqual([`failed ${made} unobserved`]);
    expect(world.steps).toEqual([]);
  });
}
