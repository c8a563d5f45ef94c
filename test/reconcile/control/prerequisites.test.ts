/** Who waits for another agent is looked at with it: a chain comes up link by link, and not one link a minute. */
import { describe, expect, test } from 'vitest';
import { lookedAt } from '../../../src/reconcile/control/looked-at.ts';
import { EVERYTHING } from '../../../src/reconcile/control/queue.ts';
import * as w from '../../diff/world.ts';
import { World } from '../world.ts';
import { Desk } from './desk.ts';

const CHAIN = `version: 1
fleet: mosaic
tmux: { socket_name: factory }
defaults: { runtime: pi, working_directory: ~/src }
agents:
  - { name: base }
  - { name: middle, depends_on: [base] }
  - { name: top, depends_on: [middle] }
  - { name: other }
`;

function dead(desk: Desk, ...names: readonly string[]): void {
  for (const name of names) {
    Object.assign(w.paneOf(desk.observed, name), { dead: true, runs: { verdict: 'dead', status: 1, signal: null } });
  }
}
/** All but these are well. */
function onlyDead(desk: Desk, ...names: readonly string[]): void {
  desk.observed = w.healthy(desk.roster);
  dead(desk, ...names);
}
const dirty = (desk: Desk): readonly string[] => [...desk.state.queue.dirty.keys()].sort();
const restart = (name: string): string => `restart session/${name} session-dead`;

describe('an agent whose prerequisite', () => {
  test('another pass has restarted is looked at again with it, and so is what waits behind', () => {
    const desk = new Desk(CHAIN);
    desk.pass();
    dead(desk, 'base');
    const first = desk.look('base');
    dead(desk, 'middle', 'top');
    expect(desk.look().held).toEqual([
      'session/base in-progress',
      'session/middle dependency',
      'session/top dependency',
    ]);
    onlyDead(desk, 'middle', 'top');
    desk.wait(2_000);
    desk.end(first);
    expect(dirty(desk)).toEqual(['base', 'middle', 'top']);
    expect(desk.look('base').acts).toEqual([restart('middle'), restart('top')]);
  });

  test('looks right but has not settled yet waits until it has', () => {
    const desk = new Desk(CHAIN);
    desk.pass();
    dead(desk, 'base');
    const first = desk.look('base');
    onlyDead(desk, 'middle');
    expect(desk.look('middle').held).toEqual(['session/middle dependency']);
    expect(desk.look().acts).toEqual([]);
    desk.end(first);
    expect(desk.look('base').acts).toEqual([restart('middle')]);
  });

  test('was seen to by somebody else is looked at again at once', () => {
    const desk = new Desk(CHAIN);
    dead(desk, 'base');
    desk.pass();
    desk.wait(10_000);
    dead(desk, 'middle');
    expect(desk.look().held).toEqual(['session/base backoff', 'session/middle dependency']);
    onlyDead(desk, 'middle');
    desk.look('base');
    expect(dirty(desk)).toEqual(['middle']);
    expect(desk.look('middle').acts).toEqual([restart('middle')]);
  });

  test('failed again waits on with it, and is not looked at in a circle', () => {
    const desk = new Desk(CHAIN);
    dead(desk, 'base', 'middle');
    const first = desk.look();
    expect(first.acts).toEqual([restart('base'), restart('middle')]);
    desk.end(first, 'failed');
    desk.wait(1_000);
    expect(desk.look().held).toEqual(['session/base backoff', 'session/middle dependency']);
    desk.observed.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'hangs' };
    for (let n = 0; n < 3; n++) desk.look();
    expect(dirty(desk)).toEqual([]);
    expect([...desk.state.queue.due.keys()].sort()).toEqual([EVERYTHING, 'base', 'middle']);
  });

  test('is at work elsewhere hinders nobody who does not depend on it', () => {
    const desk = new Desk(CHAIN);
    desk.pass();
    dead(desk, 'base');
    desk.look('base');
    dead(desk, 'other');
    expect(desk.look('other').acts).toEqual([restart('other')]);
  });

  test('waits for it is held, by a look that its own end brought about too', async () => {
    const desk = new Desk(CHAIN);
    const host = new World(desk.roster);
    const narrowed = async (...names: readonly string[]) =>
      (await host.ports.observe(lookedAt(names, desk.roster))) as typeof desk.observed;
    desk.pass();
    host.dropSession('base');
    desk.observed = await narrowed('base');
    const first = desk.look('base');
    expect(first.acts).toEqual(['start session/base session-missing']);
    desk.end(first, 'failed');
    host.dropSession('top');
    host.dropSession('middle');
    desk.observed = await narrowed('top');
    desk.state = { ...desk.state, queue: { ...desk.state.queue, dirty: new Map() } };
    const second = desk.look('top');
    expect(second.acts).toEqual([]);
    expect(second.held).toEqual(['session/base backoff', 'session/middle dependency', 'session/top dependency']);
  });
});

describe('a look at some agents', () => {
  test('is at all that they stand on too, and at nobody whom the roster does not know', () => {
    const { roster } = new Desk(CHAIN);
    expect(lookedAt(['top', 'gone'], roster)).toEqual(['top', 'middle', 'base']);
    expect(lookedAt(['other', 'base'], roster)).toEqual(['other', 'base']);
  });
});
