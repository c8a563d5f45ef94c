import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type HeartbeatWatch, watchHeartbeats } from '../../../src/observe/watch/heartbeats.ts';
import { type HandClock, type Heard, handClock, listen, until } from './world.ts';

let directory = '';
let clock: HandClock = handClock();
let heard: Heard = listen();
let watch: HeartbeatWatch = watchHeartbeats(heard, clock);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-test-beats-'));
  clock = handClock();
  heard = listen();
  watch = watchHeartbeats(heard, clock);
});
afterEach(() => {
  watch.close();
  rmSync(directory, { recursive: true, force: true });
});

function beat(name: string, under = directory): void {
  const temporary = join(under, `.${name}.tmp`);
  writeFileSync(temporary, 'ts=1\n');
  renameSync(temporary, join(under, name));
}

const told = (agent: string) => () => heard.triggers.some((t) => t.on === 'heartbeat' && t.agent === agent);

test('a heartbeat is told by the name of its agent, native ones too', async () => {
  watch.set(new Set([directory]));
  beat('a1.hb');
  await until('a1', told('a1'));
  beat('b_2.hb.native');
  await until('b_2', told('b_2'));
});

test('other files, and the temporary ones beside a heartbeat, are no trigger', async () => {
  watch.set(new Set([directory]));
  writeFileSync(join(directory, 'notes.txt'), '');
  beat('a.hb');
  await until('a', told('a'));
  expect(new Set(heard.triggers.map((t) => JSON.stringify(t)))).toEqual(
    new Set([JSON.stringify({ on: 'heartbeat', agent: 'a' })]),
  );
});

test('a directory that appears later is watched from then on', async () => {
  const later = join(directory, 'state', 'run');
  watch.set(new Set([later]));
  expect(heard.states.at(-1)).toMatchObject({ source: 'heartbeats', live: false });
  mkdirSync(later, { recursive: true });
  await until('live', () => heard.states.at(-1)?.live === true);
  beat('a.hb', later);
  await until('a', told('a'));
});

test('a directory without events is looked for again by and by', () => {
  watch.set(new Set([join(directory, 'missing')]));
  mkdirSync(join(directory, 'missing'));
  clock.advance(10_000);
  expect(heard.states.at(-1)).toEqual({ source: 'heartbeats', live: true, detail: null });
  // What was written meanwhile nobody told.
  expect(heard.triggers).toContainEqual({ on: 'heartbeat', agent: null });
});
