import { describe, expect, test } from 'vitest';
import {
  EMPTY_QUEUE,
  EVERYTHING,
  finish,
  mark,
  markAt,
  narrow,
  nextDue,
  type Queue,
  take,
} from '../../../src/reconcile/control/queue.ts';

const marked = (...keys: readonly string[]): Queue => keys.reduce((q, key, i) => mark(q, key, i), EMPTY_QUEUE);

describe('a key', () => {
  test('that is marked ten times is taken once, with the time of its first mark', () => {
    const queue = Array.from({ length: 10 }, (_, i) => i + 5).reduce((q, at) => mark(q, 'coder', at), EMPTY_QUEUE);
    const taken = take(queue, 20);
    expect(taken.keys).toEqual(['coder']);
    expect(taken.since).toBe(5);
    expect(take(finish(taken.queue, taken.keys), 21).keys).toEqual([]);
  });

  test('that is marked while it runs is taken once more when that has ended, and never before', () => {
    const first = take(marked('coder'), 1);
    const again = mark(mark(first.queue, 'coder', 2), 'coder', 3);
    expect(take(again, 4).keys).toEqual([]);
    const second = take(finish(again, ['coder']), 5);
    expect(second).toMatchObject({ keys: ['coder'], since: 2 });
    expect(take(finish(second.queue, ['coder']), 6).keys).toEqual([]);
  });

  test('does not wait for another one that runs', () => {
    const first = take(marked('coder'), 1);
    expect(take(mark(first.queue, 'stub', 2), 3).keys).toEqual(['stub']);
  });
});

describe('everything', () => {
  test('takes the agents’ keys along, and nothing is taken beside it', () => {
    const first = take(marked('coder', EVERYTHING), 1);
    expect([...first.keys].sort()).toEqual([EVERYTHING, 'coder']);
    expect(take(mark(first.queue, 'stub', 2), 3).keys).toEqual([]);
  });

  test('narrowed to what it works on lets the others go on', () => {
    const first = take(marked(EVERYTHING), 1);
    const working = narrow(mark(mark(first.queue, 'stub', 2), 'coder', 2), first.keys, ['coder']);
    expect(take(working, 3).keys).toEqual(['stub']);
  });
});

describe('a key that is due later', () => {
  test('is dirty at its time and not before; the earlier of two wishes counts', () => {
    const queue = markAt(markAt(EMPTY_QUEUE, 'coder', 100), 'coder', 50);
    expect(nextDue(markAt(queue, 'coder', 80))).toBe(50);
    expect(take(queue, 49).keys).toEqual([]);
    const taken = take(queue, 50);
    expect(taken).toMatchObject({ keys: ['coder'], since: 50 });
    expect(nextDue(taken.queue)).toBe(null);
  });

  test('keeps its mark while it runs', () => {
    const first = take(marked('coder'), 1);
    const again = take(markAt(first.queue, 'coder', 10), 20);
    expect(again.keys).toEqual([]);
    expect(take(finish(again.queue, ['coder']), 21)).toMatchObject({ keys: ['coder'], since: 10 });
  });
});
