/** The memory of what nothing was said about: every word of what is planned from is changed, and nothing may be missed. */
import { describe, expect, test } from 'vitest';
import { buildPlan, type PlanInput } from '../../src/diff/build-plan.ts';
import { NO_HOLDS } from '../../src/diff/plan-holds.ts';
import type { PlanMemory } from '../../src/diff/policy.ts';
import { quiet } from '../../src/diff/quiet.ts';
import type { Observed, TmuxSession } from '../../src/observe/state.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import type { Roster } from '../../src/spec/model.ts';
import { planWithMemory } from './quiet-too.ts';
import { coderWith, FLEET, MOSAIC, NONE } from './rosters.ts';
import * as w from './world.ts';

const IGNORING = `${FLEET}ignore:
  - { target: coder, path: /working_directory, reason: it moves, until: 2026-06-02 }
`;
const ROSTERS: Readonly<Record<string, string>> = {
  fleet: FLEET,
  none: NONE,
  mosaic: MOSAIC,
  ignoring: IGNORING,
  restarting: coderWith('window: { width: 90, height: 30 }', 'heartbeat: { required: true, on_stale: restart }'),
  watched: coderWith('manage: warn'),
  kept: coderWith('on_change: keep', 'env: { A: b }'),
  secret: coderWith('env: { TOKEN: { from_file: ~/.secret } }'),
  ephemeral: coderWith('lifecycle: ephemeral'),
  dependent: FLEET.replace('    runtime: dogfood\n', '    runtime: dogfood\n    depends_on: [coder]\n'),
};

/** As the inventory has it after all was started. */
function memoryOf(roster: Roster, observed: Observed): PlanMemory {
  const { tmux } = observed.sources;
  const [server] = tmux.status === 'known' ? tmux.value.servers : [];
  if (server?.server.state !== 'running') throw new Error('no server');
  const { pid, start, sessions } = server.server;
  const recorded = roster.agents.map(({ name }, at) => {
    const session = sessions.find((s) => s.name === name);
    const spec = fingerprint(
      roster.agents[at] ??
        (() => {
          throw new Error(name);
        })(),
      w.HOME,
    );
    const record = {
      agent: name,
      socket: server.socket,
      server: { pid, start },
      id: session?.id ?? '',
      created: session?.created ?? 0,
      spec,
    };
    return [name, { ...record, boot_id: observed.boot_id, done: false, plan: null }] as const;
  });
  const owned = w.owning(
    roster,
    roster.agents.map(({ name }) => name),
  );
  return { ...owned, sessions: Object.fromEntries(recorded), holds: NO_HOLDS };
}

function inputOf(yaml: string): PlanInput {
  const roster = w.roster(yaml);
  const observed = w.healthy(roster) as Observed;
  return { roster, observed, memory: memoryOf(roster, observed), policy: w.POLICY, toolVersion: '0.0.0' };
}

type Path = readonly (string | number)[];

function* pathsOf(data: unknown, at: Path = []): Generator<Path> {
  if (at.length > 0) yield at;
  if (typeof data !== 'object' || data === null) return;
  for (const [key, value] of Object.entries(data)) yield* pathsOf(value, [...at, key]);
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], data);
}

const GONE = Symbol('gone');

/** The same but for what lies at `path`. */
function withValue<T>(data: T, [first, ...rest]: Path, value: unknown): T {
  if (first === undefined) return value as T;
  const inside = rest.length === 0 ? value : withValue((data as Record<string, unknown>)[first], rest, value);
  if (Array.isArray(data)) {
    const copy: unknown[] = [...data];
    copy.splice(Number(first), 1, ...(inside === GONE ? [] : [inside]));
    return copy as T;
  }
  const copy = { ...data } as Record<string, unknown>;
  if (inside === GONE) delete copy[first];
  else copy[first] = inside;
  return copy as T;
}

const RECORDS = new Set([
  'units',
  'agents',
  'processes',
  'env_files',
  'argv_files',
  'unit_files',
  'commands',
  'directories',
]);

/** What may stand there instead. */
function othersThan(value: unknown, path: Path): readonly unknown[] {
  if (value === null) return [1, 'x'];
  const [key, above, higher] = [path.at(-1), path.at(-2), path.at(-3)].map(String);
  // Of a list, or of a record by name.
  const optional = /^\d+$/.test(key ?? '') || (higher === 'value' && RECORDS.has(above ?? ''));
  const without = optional ? [GONE] : [];
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'number') return [value + 1, value - 1_000_000, 0];
  if (typeof value === 'string') {
    // Which fields there are depends on these: they are only what the types have.
    if (key === 'status') return value === 'known' ? ['unknown'] : ['ok', 'busy'];
    if (key === 'state') return ['absent', 'unknown', 'missing', 'T'];
    if (key === 'verdict') return ['gone', 'shell', 'unknown'];
    const words: Readonly<Record<string, readonly unknown[]>> = {
      active_state: ['failed', 'inactive', 'activating'],
      unit_file_state: ['disabled', 'masked', 'linked'],
      load_state: ['masked', 'not-found'],
    };
    return [...(words[key ?? ''] ?? []), `${value}x`, ''];
  }
  return without;
}

describe.each(Object.keys(ROSTERS))('roster %s', (name) => {
  const healthy = inputOf(ROSTERS[name] ?? '');

  test('whatever single thing is seen otherwise, the plan is the one that is made without a memory', {
    timeout: 120_000,
  }, () => {
    let changes = 0;
    for (const path of pathsOf(healthy.observed)) {
      for (const other of othersThan(valueAt(healthy.observed, path), path)) {
        const observed = withValue(healthy.observed, path, other);
        let possible = true;
        try {
          buildPlan({ ...healthy, observed });
        } catch {
          // No observation is like that.
          possible = false;
        }
        if (!possible) continue;
        planWithMemory(healthy, { ...healthy, observed });
        changes += 1;
      }
    }
    expect(changes).toBeGreaterThan(300);
  });

  test('whatever single thing is remembered otherwise', () => {
    const { holds: _, ...inventory } = healthy.memory;
    for (const path of pathsOf(inventory)) {
      for (const other of othersThan(valueAt(inventory, path), path)) {
        const memory = { ...withValue(inventory, path, other), holds: NO_HOLDS };
        planWithMemory(healthy, { ...healthy, memory });
      }
    }
  });

  test('whatever the time, and however it is asked', () => {
    for (const hours of [-48, -2, -1, 0.002, 0.01, 0.1, 1, 13, 40, 1000]) {
      const observed_at = new Date(w.NOW + hours * 3_600_000).toISOString();
      planWithMemory(healthy, { ...healthy, observed: { ...healthy.observed, observed_at } });
    }
    const policies = [
      { prune: true },
      { targets: ['coder'] },
      { excludes: ['coder'] },
      { evenIfBusy: true },
      { hosts: ['else'] },
    ];
    for (const policy of policies) planWithMemory(healthy, { ...healthy, policy: { ...w.POLICY, ...policy } });
    for (const yaml of Object.values(ROSTERS))
      planWithMemory(healthy, { ...inputOf(yaml), observed: healthy.observed });
  });
});

test('nothing is compared again of agents of which all is as it was, and all of one of which something is not', () => {
  const healthy = inputOf(FLEET);
  const memory = quiet();
  buildPlan({ ...healthy, quiet: memory });
  const parts = (agent: string) => [...(memory.agents.get(agent)?.parts ?? [])].sort();
  expect([parts('coder'), parts('stub')]).toEqual([
    ['files', 'session', 'unit'],
    ['files', 'session', 'unit'],
  ]);
  const before = memory.agents.get('stub');
  const observed = w.copyOf(healthy.observed) as w.Mutable<Observed>;
  w.paneOf(observed, 'coder').prompt = { id: 'p', text: 'asks' };
  planWithMemory(healthy, { ...healthy, observed: observed as Observed }, memory);
  expect(memory.agents.get('stub')).toBe(before);
  expect(parts('coder')).toEqual(['files', 'unit']);
});

test.each(['fleet', 'none', 'mosaic'])('a second session of an agent is told, roster %s', (name) => {
  const healthy = inputOf(ROSTERS[name] ?? '');
  const copies: readonly Partial<w.Mutable<TmuxSession>>[] = [{ name: 'other' }, { name: 'other', mark: null }];
  for (const change of copies) {
    const observed = w.copyOf(healthy.observed) as w.Mutable<Observed>;
    w.sessionsOf(observed).push({ ...w.session(observed, 'coder'), id: '$90', ...change });
    planWithMemory(healthy, { ...healthy, observed: observed as Observed });
  }
});

test('no agent is remembered that is on no roster any more, or is not as it should be', () => {
  const healthy = inputOf(FLEET);
  const memory = quiet();
  buildPlan({ ...healthy, quiet: memory });
  const roster = { ...healthy.roster, agents: healthy.roster.agents.slice(1) };
  buildPlan({ ...healthy, roster, quiet: memory });
  expect([...memory.agents.keys()]).toEqual(['stub']);
  const observed = w.copyOf(healthy.observed) as w.Mutable<Observed>;
  w.dropSession(observed, 'stub');
  buildPlan({ ...healthy, roster, observed: observed as Observed, quiet: memory });
  expect(memory.agents.size).toBe(0);
});
