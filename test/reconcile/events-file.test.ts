import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Fields } from '../../src/reconcile/state/document.ts';
import { eventsPaths, openEvents } from '../../src/reconcile/state/events-file.ts';
import { readEvents } from '../../src/reconcile/state/events-reader.ts';

let directory = '';
let path = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-test-events-'));
  path = join(directory, 'state', 'events.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const event = (message: string): object => ({
  at: '2026-01-01T00:00:00.000Z',
  what: 'repaired',
  message,
  padding: 'x'.repeat(80),
});
const messageOf = ({ message }: Fields): string | null => (typeof message === 'string' ? message : null);
const open = () => readEvents(path, messageOf);

function read(reader: ReturnType<typeof open>): readonly string[] {
  const next = reader.next();
  if (!next.ok) throw new Error(next.error.detail);
  return next.value;
}

function replaceBy(content: string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

test('what was appended is read back in order, by this user alone', () => {
  const file = openEvents(path);
  expect(file.append([event('1'), event('2')]).ok).toBe(true);
  expect(file.append([event('3')]).ok).toBe(true);
  expect(read(open())).toEqual(['1', '2', '3']);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a reader that follows gets each event once, over rotations, while it is written', () => {
  const file = openEvents(path, JSON.stringify, 2_000);
  const reader = open();
  const seen: string[] = [];
  const written = Array.from({ length: 60 }, (_none, i) => String(i));
  for (const [i, message] of written.entries()) {
    file.append([event(message)]);
    if (i % 4 === 0) seen.push(...read(reader));
  }
  seen.push(...read(reader));
  expect(seen).toEqual(written);
});

test('it is bounded: old files are dropped', () => {
  const file = openEvents(path, JSON.stringify, 2_000);
  for (let i = 0; i < 500; i += 1) file.append([event(String(i))]);
  const sizes = eventsPaths(path).map((p) => (existsSync(p) ? statSync(p).size : 0));
  expect(sizes).toHaveLength(4);
  for (const size of sizes) expect(size).toBeLessThan(2_400);
  const left = read(open());
  expect(left.at(-1)).toBe('499');
  expect(left.length).toBeGreaterThan(20);
  expect(left.length).toBeLessThan(60);
});

test('a line that a crash cut off costs that line alone', () => {
  openEvents(path).append([event('1')]);
  appendFileSync(path, '{"at":"2026');
  openEvents(path).append([event('2')]);
  expect(read(open())).toEqual(['1', '2']);
});

test('half a line waits for its end', () => {
  const file = openEvents(path);
  file.append([event('1')]);
  const line = JSON.stringify(event('2'));
  appendFileSync(path, line.slice(0, 20));
  const reader = open();
  expect(read(reader)).toEqual(['1']);
  appendFileSync(path, `${line.slice(20)}\n`);
  expect(read(reader)).toEqual(['2']);
});

test.each([
  ['the file is removed', () => unlinkSync(path)],
  ['its directory is moved away', () => renameSync(dirname(path), `${dirname(path)}.old`)],
  ['its directory is removed', () => rmSync(dirname(path), { recursive: true })],
  ['another file is put in its place', () => replaceBy('')],
])('events go to where the path leads now: %s', (_what, meddle) => {
  const file = openEvents(path);
  file.append([event('1')]);
  meddle();
  expect(file.append([event('2')]).ok).toBe(true);
  expect(file.append([event('3')]).ok).toBe(true);
  expect(read(open())).toEqual(['2', '3']);
});

test('no journal is no events, and one that cannot be written is said', () => {
  expect(read(open())).toEqual([]);
  writeFileSync(join(directory, 'state'), 'a file in the way');
  expect(openEvents(path).append([event('1')])).toMatchObject({ ok: false });
  expect(readFileSync(join(directory, 'state'), 'utf8')).toBe('a file in the way');
});
