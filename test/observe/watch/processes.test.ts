import { expect, test } from 'vitest';
import { watchProcesses } from '../../../src/observe/watch/processes.ts';
import { handClock, listen } from './world.ts';

test('a process that is gone is told once, and those that live are not', () => {
  const heard = listen();
  const clock = handClock();
  const alive = new Set([11, 12, 13]);
  const watch = watchProcesses(heard, clock, (pid) => alive.has(pid));
  watch.set([11, 12, 13]);
  clock.advance(1_000);
  expect(heard.triggers).toEqual([]);
  alive.delete(12);
  clock.advance(1_000);
  clock.advance(5_000);
  expect(heard.triggers).toEqual([{ on: 'process', pid: 12 }]);
  watch.close();
  expect(clock.pending()).toBe(0);
});

test('no timer is set while nothing is watched', () => {
  const clock = handClock();
  const watch = watchProcesses(listen(), clock, () => true);
  expect(clock.pending()).toBe(0);
  watch.set([1]);
  expect(clock.pending()).toBe(1);
  watch.set([]);
  clock.advance(1_000);
  expect(clock.pending()).toBe(0);
});

test('this very process is there, and a pid that no process can have is not', () => {
  const heard = listen();
  const clock = handClock();
  const watch = watchProcesses(heard, clock);
  watch.set([process.pid, 0x3ffffff]);
  clock.advance(1_000);
  expect(heard.triggers).toEqual([{ on: 'process', pid: 0x3ffffff }]);
  watch.close();
});
