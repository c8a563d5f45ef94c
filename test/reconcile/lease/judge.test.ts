import { describe, expect, test } from 'vitest';
import { type Circumstances, type HolderSeen, judge } from '../../../src/reconcile/lease/judge.ts';
import { type LeaseRecord, parseRecord, renderRecord } from '../../../src/reconcile/lease/record.ts';

const RECORD: LeaseRecord = {
  format_version: '1.0',
  kind: 'fleet.lease',
  id: 'aa11',
  who: 'jarvis',
  what: 'apply',
  host: 'w-jarvis',
  since: '2026-06-01T12:00:00.000Z',
  pid: 4711,
  start_time: 900,
  boot_id: 'boot-1',
  fence: 7,
  lock: 'flock',
  expires_uptime: 60_000,
  released_uptime: null,
};
const ALIVE: HolderSeen = { state: 'running', startTime: 900 };
const NOW: Circumstances = { bootId: 'boot-1', uptime: 1_000, holder: () => ALIVE, lock: 'flock' };

function verdict(record: Partial<LeaseRecord>, now: Partial<Circumstances> = {}): string {
  return judge({ state: 'read', record: { ...RECORD, ...record } }, { ...NOW, ...now }).verdict;
}

describe('a record', () => {
  test('survives being written and read', () => {
    expect(parseRecord(renderRecord(RECORD))).toEqual({ state: 'read', record: RECORD });
  });

  test('is read up to its first line end: what a longer one before it left is not', () => {
    const long = renderRecord({ ...RECORD, who: 'a-user-with-a-much-longer-name' });
    const short = renderRecord(RECORD);
    expect(parseRecord(short + long.slice(short.length))).toEqual({ state: 'read', record: RECORD });
  });

  test('cut anywhere is torn, and at nothing is empty', () => {
    const whole = renderRecord(RECORD);
    for (let length = 1; length < whole.length; length++) {
      expect(parseRecord(whole.slice(0, length)), `cut at ${length}`).toEqual({ state: 'torn' });
    }
    expect(parseRecord('')).toEqual({ state: 'empty' });
  });

  test.each([
    ['no JSON', 'hello\n'],
    ['no object', '[1]\n'],
    ['another kind', `${JSON.stringify({ ...RECORD, kind: 'fleet.inventory' })}\n`],
    ['a field of another type', `${JSON.stringify({ ...RECORD, pid: '4711' })}\n`],
    ['a negative fence', `${JSON.stringify({ ...RECORD, fence: -1 })}\n`],
    ['a field that is missing', `${JSON.stringify({ ...RECORD, boot_id: undefined })}\n`],
    ['bytes that are no text', '\u0000\u0000\u0000\n'],
  ])('of %s is torn', (_, text) => expect(parseRecord(text)).toEqual({ state: 'torn' }));

  test('of a later minor version is read, of another major is told apart', () => {
    const minor = `${JSON.stringify({ ...RECORD, format_version: '1.7', added: true })}\n`;
    expect(parseRecord(minor)).toEqual({ state: 'read', record: { ...RECORD, format_version: '1.7' } });
    const major = `${JSON.stringify({ format_version: '2.0', kind: 'fleet.lease' })}\n`;
    expect(parseRecord(major)).toEqual({ state: 'other-format', version: '2.0' });
  });
});

describe('a lease', () => {
  test('without a record is free; with one of another format it is not judged', () => {
    expect(judge({ state: 'empty' }, NOW)).toEqual({ verdict: 'free', before: null });
    expect(judge({ state: 'torn' }, NOW)).toEqual({ verdict: 'free', before: null });
    expect(judge({ state: 'other-format', version: '2.0' }, NOW).verdict).toBe('other-format');
  });

  test.each<[string, Partial<LeaseRecord>, Partial<Circumstances>, string]>([
    ['released', { released_uptime: 900 }, {}, 'free'],
    ['of another boot', { boot_id: 'boot-0' }, {}, 'free'],
    ['of a process that is gone', {}, { holder: () => ({ state: 'gone' }) }, 'free'],
    ['whose pid is another process now', {}, { holder: () => ({ state: 'running', startTime: 901 }) }, 'free'],
    ['of a process that lives', {}, {}, 'held'],
    ['of a process that cannot be seen', {}, { holder: () => ({ state: 'unknown', why: 'EMFILE' }) }, 'held'],
    ['that ran out, its process alive', {}, { uptime: 60_000 }, 'expired'],
    ['that has a millisecond left', {}, { uptime: 59_999 }, 'held'],
    ['of the kernel, ran out, seen without locks', {}, { uptime: 99_999, lock: 'record' }, 'held'],
    ['of a record, ran out, seen without locks', { lock: 'record' }, { uptime: 60_000, lock: 'record' }, 'expired'],
    ['of a record, lasting, seen without locks', { lock: 'record' }, { lock: 'record' }, 'held'],
    [
      'of a record, its process gone',
      { lock: 'record' },
      { holder: () => ({ state: 'gone' }), lock: 'record' },
      'free',
    ],
  ])('%s', (_, record, now, expected) => expect(verdict(record, now)).toBe(expected));
});
