/** Links that cannot be read: a disk that answers so is made by hand, for root can read every real one. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sys } from '../../src/observe/system-calls.ts';
import { readUnitLinks } from '../../src/observe/systemd/links.ts';

const failing = { code: null as string | null, path: '' };
const { readlink } = sys;
vi.spyOn(sys, 'readlink').mockImplementation((path) => {
  if (failing.code === null || !path.endsWith(failing.path)) return readlink(path);
  throw Object.assign(new Error(failing.code), { code: failing.code });
});

const TEMPLATE = 'agent@.service';
const PI = 'agent@pi.service';
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fleet-links-'));
  mkdirSync(join(root, 'default.target.wants'));
  symlinkSync(`../${TEMPLATE}`, join(root, 'default.target.wants', PI));
  symlinkSync('/elsewhere/named.service', join(root, 'alias.service'));
  failing.code = null;
});
afterEach(() => rmSync(root, { recursive: true }));

const read = () => readUnitLinks([root], TEMPLATE, (unit) => unit.startsWith('agent@'));

test.each([
  ['EMFILE', PI, 'io'],
  ['EIO', 'alias.service', 'io'],
  ['EACCES', PI, 'denied'],
])('%s at %s makes the links unknown, not absent', (code, path, why) => {
  expect(read()).toMatchObject({ status: 'known' });
  Object.assign(failing, { code, path });
  const failed = read();
  expect(failed).toMatchObject({ status: 'unknown', why });
  expect(failed.status === 'unknown' && failed.detail).toContain(`${path}: ${code}`);
});

test.each(['ENOENT', 'EINVAL'])('%s: it went away, or is no link by now', (code) => {
  Object.assign(failing, { code, path: PI });
  const links = read();
  if (links.status === 'unknown') throw new Error(links.detail);
  expect(links.value.wantedBy(PI)).toEqual([]);
});

test('a unit directory that is not there, or a link to one that was moved away, may have been loaded from all the same', () => {
  const missing = [join(root, 'missing'), join(root, 'moved')];
  symlinkSync('/nowhere/at/all', join(root, 'moved'));
  const links = readUnitLinks([root, ...missing], TEMPLATE, (unit) => unit.startsWith('agent@'));
  if (links.status === 'unknown') throw new Error(links.detail);
  expect(links.value.files).toEqual(expect.arrayContaining([root, ...missing]));
  expect(links.value.wantedBy(PI)).toEqual(['default.target']);
  mkdirSync(join(root, 'missing'));
  expect(links.value.touched()).toBe('yes');
});

test('a directory whose time is set to the future is seen to change all the same', () => {
  const wants = join(root, 'default.target.wants');
  const future = new Date(Date.now() + 3_600_000);
  const set = () => {
    for (const path of [wants, root]) utimesSync(path, future, future);
  };
  set();
  const links = read();
  if (links.status === 'unknown') throw new Error(links.detail);
  // A deploy that gives things the times that they have elsewhere.
  unlinkSync(join(wants, PI));
  set();
  expect(links.value.touched()).not.toBe('no');
});
