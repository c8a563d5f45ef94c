/** The journal and the inventory: what is on the disk when, what a reader makes of it, and what it says is ours. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EMPTY_MEMORY, type OwnedRecord } from '../../src/diff/policy.ts';
import { diskFiles } from '../../src/reconcile/files/disk.ts';
import { inventoryPath, journalPath, readInventory } from '../../src/reconcile/inventory.ts';
import { changeRecords, createJournalStore } from '../../src/reconcile/journal.ts';
import { EMPTY_CHANGES, owned } from './records.ts';
import { FLEET, MOSAIC, NO_SUPERVISOR } from './rosters.ts';
import { Died, HOME, World } from './world.ts';

const INVENTORY = inventoryPath(HOME, 'w-jarvis', 'mosaic');
const JOURNAL = journalPath(INVENTORY);

describe('writing', () => {
  test('one synced write before each effect and one after it, and none without an effect', async () => {
    for (const roster of [FLEET, MOSAIC, NO_SUPERVISOR]) {
      const world = new World(roster);
      if (world.launcher) world.empty();
      else world.killServer();
      world.countsState = true;
      const { outcomes } = await world.apply({ concurrency: 1 });
      expect(outcomes.filter((o) => o.outcome !== 'applied')).toEqual([]);
      const synced = world.steps.filter((s) => s.startsWith(`append ${JOURNAL} synced`));
      expect(synced.length).toBe(2 * outcomes.length);
      expect(world.steps.filter((s) => s.startsWith(`write ${INVENTORY}`))).toHaveLength(1);
      expect(world.disk.has(JOURNAL)).toBe(false);

      const before = world.steps.length;
      await world.apply();
      expect(world.steps.length).toBe(before);
    }
  });

  test('no effect is made before its begin is on the disk, and what is to be ours is in it', async () => {
    const world = new World(FLEET);
    world.empty();
    world.countsState = true;
    await world.apply({ concurrency: 1 });
    let begun: string | null = null;
    for (const step of world.steps) {
      const line = /^append \S+( synced)?: (?:\{"kind".*\n)?(\{.*\})\n$/.exec(step)?.[2];
      if (line === undefined) {
        if (!step.includes(dirname(INVENTORY))) expect({ step, begun }).toEqual({ step, begun: expect.any(String) });
        continue;
      }
      const { phase, address, records } = JSON.parse(line);
      if (phase === 'begin') begun = address;
      if (phase === 'begin' && !/linger|reload/.test(line)) expect(Object.keys(records.owned)).not.toEqual([]);
      if (phase === 'made' || phase === 'end')
        expect([begun, null]).toContain(phase === 'made' ? begun : address && null);
    }
  });

  test('a full disk: what cannot be written down is not made', async () => {
    const world = new World(FLEET);
    world.dropSession('coder');
    await world.apply();
    world.dropSession('coder');
    world.countsState = true;
    world.steps.length = 0;
    world.trouble = { step: 1, what: 'fail' };
    const { outcomes } = await world.apply();
    expect(outcomes).toMatchObject([{ outcome: 'failed', failure: { code: 'disk-full' }, begun: false }]);
    expect(world.has('coder')).toBe(false);
    expect(world.steps).toHaveLength(1);
  });

  test('a large journal goes into the inventory while it is written, and what is under way stays told', async () => {
    const world = new World(FLEET);
    world.empty();
    const opened = createJournalStore({ files: world.files, path: INVENTORY, now: () => world.clock }).open('p', 0);
    if (!opened.ok) throw new Error(opened.error.detail);
    const [change] = world.plan().changes;
    if (change === undefined) throw new Error('no change');
    opened.value.of(change).begin(EMPTY_CHANGES);
    for (let i = 0; i < 40; i += 1) {
      opened.value.note({
        owned: { [`unit-file/${i}`]: { ...owned('unit-file', String(i)), content: 'x'.repeat(50_000) } },
      });
    }
    expect(world.text(JOURNAL)?.length ?? 0).toBeLessThan(1_100_000);
    expect(world.memory().interrupted).toMatchObject({ plan: 'p', doing: [change.address] });
    expect(Object.keys(world.memory().owned)).toHaveLength(40);
  });
});

test('applies of one process at the same time share the journal: no line is lost, and the last one puts it away', async () => {
  const world = new World(FLEET);
  world.dropSession('coder');
  world.dropSession('reviewer');
  world.countsState = true;
  const journals = createJournalStore({ files: world.files, path: INVENTORY, now: () => world.clock });
  const only = (name: string) => world.plan({ policy: { targets: [name] } });
  const both = [only('coder'), only('reviewer')].map((plan) => world.apply({ plan, journals }));
  const results = await Promise.all(both);
  expect(results.flatMap((r) => r.outcomes.map((o) => o.outcome))).toEqual(['applied', 'applied']);
  expect(world.steps.filter((s) => s.startsWith(`write ${INVENTORY}`))).toHaveLength(1);
  expect(Object.keys(world.memory().owned)).toEqual(expect.arrayContaining(['session/coder', 'session/reviewer']));
  expect(Object.keys(world.memory().sessions)).toEqual(expect.arrayContaining(['coder', 'reviewer']));
  expect(world.disk.has(JOURNAL)).toBe(false);
});

describe('reading', () => {
  let home: string;
  let path: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'fleet-journal-'));
    path = inventoryPath(home, 'h', 'f');
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const open = () => createJournalStore({ files: diskFiles, path, now: () => 0 }).open('p', 3);
  const note = (record: OwnedRecord) => {
    const opened = open();
    if (!opened.ok) throw new Error(opened.error.detail);
    opened.value.note({ owned: { [`${record.kind}/${record.name}`]: record } });
    return opened.value;
  };
  const keys = () => {
    const read = readInventory(path);
    if (!read.ok) throw new Error(read.error.detail);
    return Object.keys(read.value.owned);
  };

  test('what is in the journal alone is remembered, and goes into the inventory with the next one', () => {
    note(owned('session', 'a'));
    expect([existsSync(path), keys()]).toEqual([false, ['session/a']]);
    note(owned('session', 'b'));
    expect(keys()).toEqual(['session/a', 'session/b']);
    expect(JSON.parse(readFileSync(path, 'utf8')).owned).toHaveProperty(['session/a']);
    expect(statSync(journalPath(path)).mode & 0o777).toBe(0o600);
  });

  test('a last line that was cut off anywhere is ignored, and cut away by the next writer', () => {
    note(owned('session', 'a'));
    const whole = readFileSync(journalPath(path), 'utf8');
    for (let cut = 0; cut < whole.length; cut += 1) {
      writeFileSync(journalPath(path), whole.slice(0, cut));
      expect(keys()).toEqual([]);
    }
    diskFiles.append(journalPath(path), 'next\n', true);
    expect(readFileSync(journalPath(path), 'utf8').split('\n').at(-2)).toBe('next');
  });

  test('lines that the inventory holds already are not replayed', () => {
    const first = note(owned('session', 'a'));
    const left = readFileSync(journalPath(path), 'utf8');
    first.finish();
    changeRecords({ files: diskFiles, path, fence: 0, now: () => 0 }, () => ({ owned: { 'session/a': null } }));
    writeFileSync(journalPath(path), left);
    expect(keys()).toEqual([]);
  });

  test.each<[string, (text: string) => string, string]>([
    ['a broken line before the last', (t) => t.replace('"phase":"note"', '"phase":"other"'), 'line 2 is broken'],
    ['a missing line', (t) => t.split('\n').toSpliced(2, 1).join('\n'), 'line 3 has number 3 after 1'],
    ['the wrong head', (t) => t.replace('fleet.journal', 'other'), 'not a fleet journal'],
    ['another major version', (t) => t.replace('"1.0"', '"2.0"'), 'its format is "2.0"'],
    [
      'lines that do not follow the inventory',
      (t) => t.replaceAll(/"seq":(\d)/g, '"seq":7$1'),
      'what came between is lost',
    ],
  ])('%s is refused, with what to do; nothing is overwritten', (_what, spoil, said) => {
    const journal = note(owned('session', 'a'));
    journal.note({ owned: { 'session/b': owned('session', 'b') } });
    journal.note({ owned: { 'session/c': owned('session', 'c') } });
    const text = spoil(readFileSync(journalPath(path), 'utf8'));
    writeFileSync(journalPath(path), text);
    const read = readInventory(path);
    expect(read).toMatchObject({
      ok: false,
      error: { detail: expect.stringContaining(said), remedy: expect.any(String) },
    });
    expect(open().ok).toBe(false);
    expect(readFileSync(journalPath(path), 'utf8')).toBe(text);
  });

  test('an inventory of a newer minor version is read and not written', () => {
    mkdirSync(dirname(path), { recursive: true });
    const text = JSON.stringify({ format_version: '1.9', kind: 'fleet.inventory', seq: 0, sessions: {}, owned: {} });
    writeFileSync(path, text);
    expect(readInventory(path)).toEqual({ ok: true, value: EMPTY_MEMORY });
    expect(open()).toMatchObject({ ok: false, error: { code: 'inventory-newer' } });
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});

describe('an apply that died', () => {
  test('is told with what it was doing until the next one has ended', async () => {
    const world = new World(FLEET);
    world.dropSession('coder');
    const plan = world.plan();
    world.trouble = { step: 1, what: 'die' };
    await world.apply({ plan }).catch((error) => expect(error).toBeInstanceOf(Died));
    world.trouble = null;
    const doing = ['w-jarvis/jarvis/session/coder'];
    expect(world.memory().interrupted).toEqual({ plan: plan.plan_id, at: expect.any(String), doing });
    // What was to be ours is known to be, whether or not it came to be.
    expect(world.memory().owned['session/coder']).toMatchObject({ state: 'intended', plan: plan.plan_id });
    await world.apply();
    expect(world.memory().interrupted).toBeNull();
    expect(world.memory().owned['session/coder']).toMatchObject({ state: 'made' });
  });

  test('what it was about to make stays on record while a server that nobody knows of may hold it', async () => {
    const world = new World(FLEET);
    world.dropSession('coder');
    world.trouble = { step: 1, what: 'die' };
    await world.apply().catch((error) => expect(error).toBeInstanceOf(Died));
    world.trouble = null;
    const { tmux } = world.truth.sources;
    if (tmux.status !== 'known') throw new Error('tmux unknown');
    tmux.value.unseen_servers = { status: 'unknown', why: 'io', detail: '/proc/self/net/unix: EMFILE' };
    world.put(world.envPath('stub'), 'BROKEN=1\n');
    await world.apply();
    expect(world.has('coder')).toBe(false);
    expect(world.memory().owned['session/coder']).toMatchObject({ state: 'intended' });
  });

  test('layout mosaic: a session that came up while fleet died is remembered, with nothing known of its spec', async () => {
    const world = new World(MOSAIC);
    world.dropSession('coder');
    world.countsState = true;
    // The first state write after the unit was started.
    world.meanwhile = (step) => {
      if (step.includes('"phase":"made"')) throw new Died(step);
    };
    await world.apply().catch((error) => expect(error).toBeInstanceOf(Died));
    world.meanwhile = () => {};
    expect(world.memory().sessions).toEqual({});
    await world.apply();
    expect(world.memory().sessions['coder']).toMatchObject({ id: world.session('coder').id, spec: null });
    expect(world.memory().owned['session/coder']?.state).toBe('made');
  });

  test('layout mosaic: a session that was there before fleet died is not taken for its own', async () => {
    const world = new World(MOSAIC);
    world.runs('coder', { verdict: 'other', pid: 1, program: 'sleep' });
    world.countsState = true;
    world.meanwhile = (step) => {
      if (step.includes('if-shell')) throw new Died(step);
    };
    await world.apply().catch((error) => expect(error).toBeInstanceOf(Died));
    world.meanwhile = () => {};
    const { pid } = world.session('coder').panes[0] ?? {};
    world.runs('coder', { verdict: 'runtime', runtime: 'stub', strength: 'strong', pid: pid ?? 0, evidence: 'exe' });
    await world.apply();
    expect(world.memory().owned['session/coder']?.state).not.toBe('made');
    expect(world.memory().sessions['coder']).toBeUndefined();
  });

  test('layout mosaic: killed between its env file and its restart, the session is restarted all the same', async () => {
    const world = new World(MOSAIC);
    world.put(world.envPath('reviewer'), 'BROKEN=1\n');
    const { id } = world.session('reviewer');
    world.meanwhile = (step) => {
      if (step.includes('if-shell')) throw new Died(step);
    };
    await world.apply().catch((error) => expect(error).toBeInstanceOf(Died));
    world.meanwhile = () => {};
    world.envWritten('reviewer');
    expect(world.drift()).toEqual(['restart session/reviewer spec-changed']);
    await world.apply();
    expect(world.session('reviewer').id).not.toBe(id);
    expect(world.drift()).toEqual([]);
  });

  test('layout mosaic: a restart that somebody attached puts off is still planned once the env file is written', async () => {
    const world = new World(MOSAIC);
    world.put(world.envPath('reviewer'), 'BROKEN=1\n');
    world.session('reviewer').attached = 1;
    await world.apply();
    world.envWritten('reviewer');
    expect(world.plan().deferred.map((c) => `${c.address} ${c.reason}`)).toEqual([
      'w-jarvis/jarvis/session/reviewer spec-changed',
    ]);
    // Changed back by hand to what it was started from: then it differs from the roster as it did before.
    world.put(world.envPath('reviewer'), 'BROKEN=1\n');
    expect(world.plan().changes.map((c) => c.address)).toEqual(['w-jarvis/jarvis/env-file/reviewer']);
    expect(world.plan().deferred.map((c) => c.reason)).toEqual(['spec-changed']);
  });
});

describe('killed right after its effect, and nothing is left to do', () => {
  const dieAtMade = async (world: World, input: Parameters<World['apply']>[0]) => {
    world.countsState = true;
    world.meanwhile = (step) => {
      if (step.includes('"phase":"made"')) throw new Died(step);
    };
    await world.apply(input).catch((error) => expect(error).toBeInstanceOf(Died));
    world.meanwhile = () => {};
  };

  test('a former agent: what its session was started from is forgotten with it', async () => {
    const world = new World(NO_SUPERVISOR);
    await world.apply();
    const roster = { ...world.roster, agents: world.roster.agents.filter((a) => a.name !== 'coder') };
    await dieAtMade(world, { roster, plan: world.planFor(roster, { prune: true }) });
    await world.apply({ roster, plan: world.planFor(roster, { prune: true }) });
    expect(Object.keys(world.memory().sessions)).not.toContain('coder');
    expect(Object.keys(world.memory().owned).filter((key) => key.includes('coder'))).toEqual([]);
  });

  test('an agent that is to be stopped: its session is ours no more', async () => {
    const world = new World(NO_SUPERVISOR);
    await world.apply();
    const agents = world.roster.agents.map((a) => (a.name === 'coder' ? { ...a, state: 'stopped' as const } : a));
    const roster = { ...world.roster, agents };
    await dieAtMade(world, { roster, plan: world.planFor(roster, {}) });
    expect(world.planFor(roster, {}).changes).toEqual([]);
    await world.apply({ roster, plan: world.planFor(roster, {}) });
    expect(world.memory().owned['session/coder']).toBeUndefined();
  });
});

describe('what is ours', () => {
  test('layout fleet: a fleet older than its records is written down by the first apply, and not by the second', async () => {
    const world = new World(FLEET);
    await world.apply();
    const { owned: records, sessions } = world.memory();
    expect(Object.keys(records)).toEqual(
      expect.arrayContaining(['session/coder', 'env-file/coder', 'env-file/coder.argv']),
    );
    expect(Object.keys(records)).toEqual(
      expect.arrayContaining(['unit/fleet-agent@coder.service', 'tmux-server/mosaic-factory']),
    );
    expect(Object.keys(records)).toEqual(
      expect.arrayContaining(['unit-file/fleet-tmux.service', 'unit/fleet-tmux.service']),
    );
    expect(Object.keys(sessions)).toContain('coder');
    const disk = new Map(world.disk);
    await world.apply();
    expect(world.disk).toEqual(disk);
  });

  test("layout fleet: another fleet's marks are not ours", async () => {
    const world = new World(FLEET);
    Object.assign(world.session('coder').mark ?? {}, { owner: 'others' });
    world.put(world.argvPath('coder'), '# fleet argv 1 of others\n');
    await world.apply({ plan: { ...world.plan(), changes: [] } });
    expect(Object.keys(world.memory().owned).filter((key) => key.includes('coder'))).toEqual([]);
  });

  test('layout mosaic: only what fleet itself started or wrote', async () => {
    const world = new World(MOSAIC);
    await world.apply();
    expect(world.memory()).toEqual(EMPTY_MEMORY);
    world.dropSession('coder');
    await world.apply();
    expect(Object.keys(world.memory().owned)).toEqual(['session/coder', 'unit/mosaic-agent@coder.service']);
  });

  test('`protect` is written into the records of an agent though nothing else changes, once', async () => {
    const world = new World(FLEET);
    await world.apply();
    const agents = world.roster.agents.map((a) => (a.name === 'coder' ? { ...a, protect: true } : a));
    const roster = { ...world.roster, agents };
    const { summary } = await world.apply({ roster });
    expect(summary.applied).toBe(0);
    const ofCoder = Object.values(world.memory().owned).filter((r) => r.agent === 'coder');
    expect(ofCoder.length).toBeGreaterThan(3);
    expect(ofCoder.every((r) => r.protect)).toBe(true);
    expect(Object.values(world.memory().owned).filter((r) => r.agent !== 'coder' && r.protect)).toEqual([]);
    const disk = new Map(world.disk);
    await world.apply({ roster });
    expect(world.disk).toEqual(disk);
  });

  test('what a person let go of is not taken back for its mark', async () => {
    const world = new World(FLEET);
    await world.apply();
    const { memory } = world;
    const record = memory.call(world).owned['session/coder'];
    if (record === undefined) throw new Error('no record');
    const input = { files: world.files, path: INVENTORY, fence: 0, now: () => world.clock };
    changeRecords(input, () => ({ owned: { 'session/coder': { ...record, how: 'forgotten' } } }));
    await world.apply();
    expect(world.memory().owned['session/coder']?.how).toBe('forgotten');
  });

  test('what was taken away is ours no more', async () => {
    const world = new World(NO_SUPERVISOR);
    await world.apply();
    const agents = world.roster.agents.filter((a) => a.name !== 'coder');
    const roster = { ...world.roster, agents };
    const plan = world.planFor(roster, { prune: true });
    const { outcomes } = await world.apply({ roster, plan });
    expect(outcomes.map((o) => `${o.outcome} ${o.action}`)).toEqual(outcomes.map((o) => `applied ${o.action}`));
    expect(outcomes.length).toBeGreaterThan(0);
    const left = world.memory();
    expect(Object.values(left.owned).filter((r) => r.agent === 'coder')).toEqual([]);
    expect(left.sessions['coder']).toBeUndefined();
  });
});
