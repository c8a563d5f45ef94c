import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../src/spec/duration.ts';

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['0s', 0],
    ['15s', 15_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['1.5h', 5_400_000],
    ['365d', 31_536_000_000],
  ])('%s is %i ms', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '15', 's', '15 s', '-1s', '+1s', '1e3s', '15S', '1h30m', '366d', '99999999999s', '1w', '.5s'])(
    'is not %j',
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );

  it.each([
    [0, '0ms'],
    [500, '500ms'],
    [90_000, '90s'],
    [600_000, '10m'],
    [172_800_000, '2d'],
  ])('of %i ms is written %s, and read back', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
    expect(parseDuration(text)).toBe(milliseconds);
  });
});
