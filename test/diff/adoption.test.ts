import { describe, expect, test } from 'vitest';
import { adoptionOf } from '../../src/diff/adopt-address.ts';
import { createContext, type PlanContext } from '../../src/diff/context.ts';
import { createIgnoreLedger } from '../../src/diff/ignore.ts';
import { forgettingOf } from '../../src/diff/letting-go.ts';
import { EMPTY_MEMORY, type PlanMemory } from '../../src/diff/policy.ts';
import type { Observed } from '../../src/observe/state.ts';
import type { Roster } from '../../src/spec/model.ts';
import { FLEET, MOSAIC, NONE } from './rosters.ts';
import * as w from './world.ts';

type World = w.Mutable<Observed>;
type Break = (o: World) => void;
const fleet = w.roster(FLEET);
const mosaic = w.roster(MOSAIC);
const none = w.roster(NONE);
const GONE = 'agents:\n  - { name: gone, runtime: dogfood }\n';

function contextOf(
  roster: Roster,
  breakIt: Break = () => {},
  memory: PlanMemory = EMPTY_MEMORY,
  seenAs = roster,
): PlanContext {
  const observed = w.healthy(seenAs);
  breakIt(observed);
  const ignore = createIgnoreLedger([], w.NOW);
  return createContext({
    roster,
    observed: observed as Observed,
    memory,
    agents: roster.agents,
    ignore,
    policy: w.POLICY,
  });
}

const short = (address: string): string => address.replace('w-jarvis/jarvis/', '');
/** One line each: what would be taken, is ours, is refused. */
function adopted(ctx: PlanContext, target: string): readonly string[] | null {
  const found = adoptionOf(ctx, target);
  if (found === null) return null;
  return [
    ...found.takes.map((t) => `take ${short(t.address)}`),
    ...found.already.map((a) => `ours ${short(a)}`),
    ...found.refused.map((r) => `refused(${r.guard}) ${short(r.address)}`),
  ];
}
const unmarked: Break = (o) => {
  w.session(o, 'coder').mark = null;
};
const owned = w.owning(fleet, ['coder']);

describe('adopt session/NAME', () => {
  test("an unmarked session of an agent's exact name, with all that identifies it", () => {
    const ctx = contextOf(fleet, unmarked);
    expect(adopted(ctx, 'session/coder')).toEqual(['take session/coder']);
    const [taking] = adoptionOf(ctx, 'session/coder')?.takes ?? [];
    expect(taking?.session).toMatchObject({ marks: true, agent: 'coder', pane: '%2000' });
    expect(taking?.session?.identity).toMatchObject({ server: { socket: 'factory', pid: 1000 }, id: '$1' });
    expect(taking?.session?.remembered.spec).toBeNull();
    expect(taking?.record).toMatchObject({ how: 'adopted', agent: 'coder', protect: false });
  });

  test('by full address; never by a prefix, another place or another kind', () => {
    const ctx = contextOf(fleet, unmarked);
    expect(adopted(ctx, 'w-jarvis/jarvis/session/coder')).toEqual(['take session/coder']);
    expect(adopted(ctx, 'elsewhere/jarvis/session/coder')).toBeNull();
    expect(adopted(ctx, 'linger/jarvis')).toBeNull();
    expect(adopted(ctx, 'code')).toBeNull();
    expect(adopted(ctx, 'session/code')).toEqual(['refused(not-ours) session/code']);
  });

  test('ours, and its record was lost: recorded anew, nothing is marked', () => {
    const ctx = contextOf(fleet);
    expect(adopted(ctx, 'session/coder')).toEqual(['take session/coder']);
    expect(adoptionOf(ctx, 'session/coder')?.takes[0]?.session?.marks).toBe(false);
    expect(
      adopted(
        contextOf(fleet, () => {}, owned),
        'session/coder',
      ),
    ).toEqual(['ours session/coder']);
  });

  test.each<[string, Break, string]>([
    ["another fleet's", (o) => Object.assign(w.session(o, 'coder').mark ?? {}, { owner: 'theirs' }), 'other-owner'],
    ["another agent's", (o) => Object.assign(w.session(o, 'coder').mark ?? {}, { agent: 'stub' }), 'not-ours'],
    ['not there', (o) => w.dropSession(o, 'coder'), 'absent'],
    ['under another name', (o) => Object.assign(w.session(o, 'coder'), { name: 'x' }), 'duplicate'],
    [
      'on a server that could not be asked',
      (o) => Object.assign(w.tmuxOf(o), { server: { state: 'unknown', why: 'timeout', detail: 'x' } }),
      'unobserved',
    ],
  ])('%s: refused', (_name, breakIt, guard) => {
    expect(adopted(contextOf(fleet, breakIt), 'session/coder')).toEqual([`refused(${guard}) session/coder`]);
  });

  test('the holder, a stranger and a viewer: refused', () => {
    const viewer: Break = (o) =>
      w.sessionsOf(o).push(w.sessionNamed(fleet, 'coder-watch-12', '$50', 50, false) as never);
    for (const name of ['_holder', 'coder-watch-12', 'nobody']) {
      expect(adopted(contextOf(fleet, viewer), `session/${name}`)).toEqual([`refused(not-ours) session/${name}`]);
    }
  });

  test('its pane only where one can be told', () => {
    const two: Break = (o) => {
      unmarked(o);
      const pane = structuredClone(w.paneOf(o, 'coder'));
      w.session(o, 'coder').panes.push({ ...pane, id: '%2001' });
    };
    expect(adoptionOf(contextOf(fleet, two), 'session/coder')?.takes[0]?.session?.pane).toBeNull();
  });

  test('off the roster: with our mark; in layout mosaic also where its unit is active', () => {
    const fleetBefore = w.roster(FLEET.replace('agents:\n', GONE));
    const mosaicBefore = w.roster(MOSAIC.replace('agents:\n', GONE));
    expect(
      adopted(
        contextOf(fleet, () => {}, EMPTY_MEMORY, fleetBefore),
        'session/gone',
      ),
    ).toEqual(['take session/gone']);
    const bare: Break = (o) => {
      w.session(o, 'gone').mark = null;
    };
    expect(adopted(contextOf(fleet, bare, EMPTY_MEMORY, fleetBefore), 'session/gone')).toEqual([
      'refused(not-ours) session/gone',
    ]);
    expect(
      adopted(
        contextOf(mosaic, () => {}, EMPTY_MEMORY, mosaicBefore),
        'gone',
      ),
    ).toEqual(['take session/gone', 'take unit/mosaic-agent@gone.service', 'take env-file/gone']);
    const stopped: Break = (o) => Object.assign(w.unit(o, 'mosaic-agent@gone.service'), { active_state: 'inactive' });
    expect(adopted(contextOf(mosaic, stopped, EMPTY_MEMORY, mosaicBefore), 'session/gone')).toEqual([
      'refused(not-ours) session/gone',
    ]);
  });
});

describe('adopt an agent: all that is there of it', () => {
  test.each([
    ['fleet', fleet, ['session/coder', 'unit/fleet-agent@coder.service', 'env-file/coder', 'env-file/coder.argv']],
    ['mosaic', mosaic, ['session/coder', 'unit/mosaic-agent@coder.service', 'env-file/coder']],
    ['none', none, ['session/coder', 'env-file/coder', 'env-file/coder.argv']],
  ] as const)('%s', (_name, roster, parts) => {
    expect(adopted(contextOf(roster), 'coder')).toEqual(parts.map((p) => `take ${p}`));
  });

  test("another fleet's files are refused", () => {
    const theirs: Break = (o) => {
      w.filesOf(o).argv_files['coder'] = w.fileWith('# fleet: owner=theirs\n');
    };
    expect(adopted(contextOf(fleet, theirs, owned), 'env-file/coder')).toEqual(['refused(other-owner) env-file/coder']);
    expect(adopted(contextOf(fleet, theirs), 'unit/fleet-agent@coder.service')).toEqual([
      'refused(other-owner) unit/fleet-agent@coder.service',
    ]);
  });
});

describe('unit files', () => {
  const TEXT = '[Service]\nExecStart=/bin/true\n';
  const written = (name: string, content: string, link: string | null = null): Break => {
    return (o) => {
      w.filesOf(o).unit_files[name] = { ...w.fileWith(content), link_target: link } as never;
    };
  };
  const memoryOf = (ctx: PlanContext, name: string): PlanMemory => {
    const [taking] = adoptionOf(ctx, `unit-file/${name}`)?.takes ?? [];
    if (taking === undefined) throw new Error('nothing was taken');
    return { ...EMPTY_MEMORY, owned: { [`unit-file/${name}`]: { ...taking.record, since: '' } } };
  };

  test('layout mosaic: the text at adoption is kept, and put back', () => {
    const name = 'mosaic-agent@.service';
    const memory = memoryOf(contextOf(mosaic, written(name, TEXT)), name);
    const planned = (content: string | null) => {
      const o = w.healthy(mosaic);
      if (content === null) w.filesOf(o).unit_files[name] = { state: 'absent' };
      else written(name, content)(o);
      return w.lines(w.planOf(mosaic, o, { memory }));
    };
    expect(planned(TEXT)).toEqual([]);
    expect(planned(`${TEXT}# edited\n`)).toEqual([
      `update unit-file/${name} unit-file-changed`,
      `reload unit-file/${name} daemon-reload-needed`,
    ]);
    expect(planned(null)[0]).toBe(`create unit-file/${name} unit-missing`);
    expect(adopted(contextOf(mosaic, written(name, TEXT), memory), `unit-file/${name}`)).toEqual([
      `ours unit-file/${name}`,
    ]);
  });

  test('layout mosaic: not adopted, it is left as it is', () => {
    const o = w.healthy(mosaic);
    written('mosaic-agent@.service', TEXT)(o);
    expect(w.lines(w.planOf(mosaic, o))).toEqual([]);
  });

  test('layout fleet: ours is written over just the text that was adopted', () => {
    const name = 'fleet-agent@.service';
    const memory = memoryOf(contextOf(fleet, written(name, TEXT)), name);
    const planned = (content: string) => {
      const o = w.healthy(fleet);
      written(name, content)(o);
      return w.lines(w.planOf(fleet, o, { memory }));
    };
    expect(planned(TEXT)[0]).toBe(`update unit-file/${name} unit-file-changed`);
    expect(planned(`${TEXT}# by another hand\n`)).toEqual([`blocked(other-owner) unit-file/${name} other-owner`]);
  });

  test.each<[string, Roster, string, Break, string]>([
    ['a link', mosaic, 'mosaic-agent@.service', written('mosaic-agent@.service', TEXT, '/etc/x'), 'masked'],
    ['an empty file', mosaic, 'mosaic-agent@.service', written('mosaic-agent@.service', ''), 'masked'],
    ['not there', mosaic, 'mosaic-agent@gone.service', () => {}, 'absent'],
    ['not of this layout', mosaic, 'ssh.service', () => {}, 'absent'],
    ['an instance of layout fleet', fleet, 'fleet-agent@coder.service', () => {}, 'absent'],
    [
      "another fleet's",
      fleet,
      'fleet-agent@.service',
      written('fleet-agent@.service', '[X-Fleet]\nOwner=theirs\n'),
      'other-owner',
    ],
  ])('%s: refused', (_name, roster, file, breakIt, guard) => {
    expect(adopted(contextOf(roster, breakIt), `unit-file/${file}`)).toEqual([`refused(${guard}) unit-file/${file}`]);
  });
});

describe('forget', () => {
  const forgotten = (ctx: PlanContext, target: string) =>
    forgettingOf(ctx, target)?.goes.map((g) => `${g.kind}/${g.name} ${g.record?.how ?? 'none'} ${g.unmark.length}`) ??
    null;

  test('on the roster: all its records, and the mark of its session', () => {
    expect(
      forgotten(
        contextOf(fleet, () => {}, owned),
        'coder',
      ),
    ).toEqual([
      'session/coder none 1',
      'unit/fleet-agent@coder.service none 0',
      'env-file/coder none 0',
      'env-file/coder.argv none 0',
    ]);
  });

  test('off the roster: it is remembered that it was let go of, since files and units bear the mark still', () => {
    const before = w.roster(FLEET.replace('agents:\n', GONE));
    const ctx = contextOf(fleet, () => {}, w.owning(fleet, ['gone']), before);
    expect(forgotten(ctx, 'gone')).toEqual([
      'session/gone forgotten 1',
      'unit/fleet-agent@gone.service forgotten 0',
      'env-file/gone forgotten 0',
      'env-file/gone.argv forgotten 0',
    ]);
  });

  test('one part of it; and what is nothing of ours', () => {
    expect(
      forgotten(
        contextOf(fleet, () => {}, owned),
        'env-file/coder',
      ),
    ).toEqual(['env-file/coder none 0']);
    expect(forgotten(contextOf(fleet, unmarked), 'session/coder')).toEqual([]);
    expect(forgotten(contextOf(fleet), 'nobody')).toBeNull();
  });

  test("another fleet's mark stays", () => {
    const theirs: Break = (o) => Object.assign(w.session(o, 'coder').mark ?? {}, { owner: 'theirs' });
    expect(forgotten(contextOf(fleet, theirs, owned), 'session/coder')).toEqual(['session/coder none 0']);
  });

  test('a session whose mark may be where nobody can look: refused', () => {
    const blind: Break = (o) =>
      Object.assign(w.tmuxOf(o), { server: { state: 'unknown', why: 'timeout', detail: 'x' } });
    const found = forgettingOf(contextOf(fleet, blind, owned), 'coder');
    expect(found?.refused.map((r) => r.guard)).toEqual(['unobserved']);
  });
});
