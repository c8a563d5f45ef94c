import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hereIn, scopeOf } from '../../src/cli/place.ts';
import { readRoster } from '../../src/cli/roster-file.ts';
import type { Roster } from '../../src/spec/model.ts';
import { type Bench, openBench } from './harness.ts';

const MACHINE = { hostname: 'w-jarvis.example.org', user: { name: 'jarvis', uid: 1000, home: '/home/jarvis' } };
const ALL = { host: null, tenant: null };

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.remove());

function roster(text: string): Roster {
  const path = bench.file('r.yaml', `version: 1\n${text}`);
  const read = readRoster(path, { cwd: bench.directory, env: {}, user: MACHINE.user });
  if (!read.ok) throw new Error(read.error.message);
  return read.value;
}

const TWO_HOSTS = `
hosts: { W-Jarvis: {}, dragon-lin: { ssh: jwoltje@dragon-lin } }
tenants: { owner: { user: jarvis }, guest: { user: guest } }
agents:
  - { name: a, runtime: pi }
  - { name: b, runtime: pi, host: w-jarvis, tenant: owner }
  - { name: c, runtime: pi, host: dragon-lin }
  - { name: d, runtime: pi, host: w-jarvis, tenant: guest }
`;

describe('here, in the words of the roster', () => {
  test("is the host that bears this machine's name, whatever its case and domain, and the tenant of this user", () => {
    expect(hereIn(roster(TWO_HOSTS), MACHINE)).toEqual({ host: 'W-Jarvis', tenant: 'owner' });
  });

  test('is the short host name and the user where the roster names neither', () => {
    expect(hereIn(roster('agents: []'), MACHINE)).toEqual({ host: 'w-jarvis', tenant: 'jarvis' });
  });
});

describe('scope', () => {
  const scope = (text: string, narrowing: { host: string | null; tenant: string | null } = ALL) => {
    const read = roster(text);
    return scopeOf(read, hereIn(read, MACHINE), MACHINE, narrowing);
  };
  const names = (agents: readonly { readonly name: string }[]) => agents.map((a) => a.name);

  test('agents of this machine and user are local, the others out of reach, each with a reason', () => {
    const found = scope(TWO_HOSTS);
    if (!found.ok) throw new Error(found.error.message);
    expect(names(found.value.local.agents)).toEqual(['a', 'b']);
    expect(found.value.elsewhere.map((e) => [e.host, e.tenant, names(e.agents)])).toEqual([
      ['dragon-lin', 'owner', ['c']],
      ['w-jarvis', 'guest', ['d']],
    ]);
    expect(found.value.elsewhere.map((e) => e.why)).toEqual([
      expect.stringContaining('dragon-lin is another machine than this one (w-jarvis.example.org)'),
      expect.stringContaining('guest is another user than this one (jarvis)'),
    ]);
  });

  test('every local agent carries one spelling of host and tenant', () => {
    const found = scope(TWO_HOSTS);
    if (!found.ok) throw new Error(found.error.message);
    expect(found.value.local.agents.map((a) => `${a.host}/${a.tenant}`)).toEqual(['W-Jarvis/owner', 'W-Jarvis/owner']);
  });

  test('--host of this machine leaves the others out of scope', () => {
    const found = scope(TWO_HOSTS, { host: 'w-jarvis', tenant: 'owner' });
    expect(found.ok && found.value.elsewhere).toEqual([]);
  });

  test('--host of another machine is incomplete (3): nothing was looked at', () => {
    const found = scope(TWO_HOSTS, { host: 'dragon-lin', tenant: null });
    expect(!found.ok && [found.error.code, found.error.message]).toEqual([
      3,
      expect.stringMatching(/^nothing was looked at: dragon-lin is another machine/),
    ]);
  });

  test('an unknown host or tenant is a usage error with the nearest right one', () => {
    const host = scope(TWO_HOSTS, { host: 'dragon-lim', tenant: null });
    expect(!host.ok && host.error).toEqual({
      code: 64,
      message: "the roster knows no host 'dragon-lim'",
      remedy: 'did you mean --host dragon-lin?',
    });
    const tenant = scope(TWO_HOSTS, { host: null, tenant: 'nobody' });
    expect(!tenant.ok && tenant.error.code).toBe(64);
  });

  test('a roster for another host alone is an error that says so', () => {
    const found = scope('hosts: { far: { ssh: far } }\nagents: [{ name: a, runtime: pi, host: far }]');
    expect(!found.ok && found.error).toEqual({
      code: 1,
      message: 'no agent of this roster is for this machine and user (w-jarvis/jarvis): they are for far/jarvis',
      remedy:
        'run fleet there, as that user; or name this machine in the roster by its host name, w-jarvis.example.org',
    });
  });

  test('a roster without any agent is in scope: it plans nothing', () => {
    const found = scope('agents: []');
    expect(found.ok && found.value.local.agents).toEqual([]);
  });
});
