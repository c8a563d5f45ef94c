/** The status file: whole or not there, of one version, and what the next controller takes from it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildStatus, type StatusDocument } from '../../src/reconcile/control/status.ts';
import { readWholeFile } from '../../src/reconcile/files/read-file.ts';
import { readStatus, toldIn, writeStatus } from '../../src/reconcile/state/status-file.ts';
import { ok } from '../../src/spec/result.ts';
import { FLEET } from '../diff/rosters.ts';
import { Desk } from './control/desk.ts';

const NOW = new Desk(FLEET).moment;

let directory = '';
let path = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-test-status-'));
  path = join(directory, 'state', 'status.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

function document(): StatusDocument {
  const desk = new Desk(FLEET);
  desk.pass();
  return buildStatus(desk.state, {
    ...{ fleet: 'mosaic', host: 'w-jarvis', tenant: 'jarvis', roster: desk.roster, now: desk.moment },
    controller: { pid: 7, tool_version: '0', started_at: '2026-06-01T12:00:00.000Z', beat_within: 60_000 },
    inForce: { roster: desk.roster, commit: null, since: '2026-06-01T12:00:00.000Z', refused: null },
  });
}
const write = (status: object) => writeStatus(path, Buffer.from(`${JSON.stringify(status)}\n`));

test('comes back as it was written, for this user alone, with nothing beside it', () => {
  const status = document();
  expect(write(status).ok).toBe(true);
  expect(readStatus(path, readWholeFile)).toEqual({ ok: true, value: status });
  expect([statSync(path).mode & 0o777, readdirSync(join(directory, 'state'))]).toEqual([0o600, ['status.json']]);
});

test('is replaced in one step: who has it open reads the former one to its end', () => {
  write(document());
  const before = statSync(path).ino;
  write({ ...document(), stopped: 'now' });
  expect(statSync(path).ino).not.toBe(before);
});

test.each([
  ['cut off', (text: string) => text.slice(0, 300)],
  ['of another version', (text: string) => text.replace('"1.0"', '"2.0"')],
  ['of another kind', (text: string) => text.replace('fleet.status', 'fleet.events')],
])('%s: it is a failure, never health, and the next controller is told so', (_what, broken) => {
  write(document());
  writeFileSync(path, broken(readFileSync(path, 'utf8')));
  expect(readStatus(path, readWholeFile)).toMatchObject({ ok: false, error: { code: 'state-unusable' } });
  expect(toldIn(path, readWholeFile, NOW)).toMatchObject({ ok: false, error: { code: 'state-unusable' } });
});

test('the next controller takes conditions from it, and leaves out those without a time', () => {
  expect(toldIn(path, readWholeFile, NOW)).toEqual(ok({ agents: {}, fleet: [] }));
  const status = document();
  const conditions = status.agents['coder']?.conditions ?? [];
  const broken = conditions.map((c, i) => (i === 0 ? { ...c, last_transition: 'once' } : c));
  write({ ...status, agents: { coder: { ...status.agents['coder'], conditions: broken } } });
  expect(toldIn(path, readWholeFile, NOW)).toEqual(
    ok({ agents: { coder: conditions.slice(1) }, fleet: status.conditions }),
  );
});

test.each([
  ['in another boot', { boot_id: 'another' }],
  ['in a boot that has no name', { boot_id: null }],
  ['so long after it that the former controller counts as dead', { monotonic: NOW.monotonic + 60_001 }],
  ['with a clock before it', { monotonic: NOW.monotonic - 1 }],
])('the next controller, %s, takes nothing from it', (_what, changed) => {
  write(document());
  expect(toldIn(path, readWholeFile, { ...NOW, monotonic: NOW.monotonic + 60_000 })).not.toEqual(
    ok({ agents: {}, fleet: [] }),
  );
  expect(toldIn(path, readWholeFile, { ...NOW, ...changed })).toEqual(ok({ agents: {}, fleet: [] }));
});
