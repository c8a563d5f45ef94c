/**
 * What `fleet adopt` and `fleet forget` say of each world, whole: who, by which guard, with what evidence and remedy, and
 * what is written down. The answers stand in adoptions.jsonl beside this file, where a person has read them.
 * After a change that was meant: FLEET_FINDINGS=write npx vitest run --project unit test/diff/adoption-read, and read the difference.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { adoptionOf } from '../../src/diff/adopt-address.ts';
import { createContext, type PlanContext } from '../../src/diff/context.ts';
import { createIgnoreLedger } from '../../src/diff/ignore.ts';
import { forgettingOf } from '../../src/diff/letting-go.ts';
import { EMPTY_MEMORY, type PlanMemory } from '../../src/diff/policy.ts';
import type { Observed } from '../../src/observe/state.ts';
import { FLEET, MOSAIC, NONE } from './rosters.ts';
import { type Break, drop, running, socket, source, unit } from './rows.ts';
import * as w from './world.ts';

const FILE = new URL('adoptions.jsonl', import.meta.url).pathname;
const writing = process.env['FLEET_FINDINGS'] === 'write';
const read = new Set(readFileSync(FILE, 'utf8').split('\n'));

const ROSTERS = { fleet: FLEET, mosaic: MOSAIC, none: NONE } as const;
type LayoutName = keyof typeof ROSTERS;
const GONE = 'agents:\n  - { name: gone, runtime: dogfood }\n';
const WAS = (layout: LayoutName): string => ROSTERS[layout].replace('agents:\n', GONE);

function contextOf(layout: LayoutName, breaks: readonly Break[], memory: PlanMemory, yaml?: string): PlanContext {
  const roster = w.roster(yaml ?? ROSTERS[layout]);
  const observed = w.healthy(w.roster(WAS(layout)));
  for (const breakIt of breaks) breakIt(observed);
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

const mark =
  (name: string, owner: string | null, agent = name): Break =>
  (o) => {
    w.session(o, name).mark = owner === null ? null : { owner, agent, spec: null, pane: null };
  };
const renamed =
  (from: string, to: string): Break =>
  (o) =>
    Object.assign(w.session(o, from), { name: to });
const copy =
  (name: string, on: string): Break =>
  (o) =>
    socket(on, running(structuredClone(w.session(o, name))))(o);
const file =
  (kind: 'env_files' | 'argv_files', name: string, state: object | string): Break =>
  (o) => {
    w.filesOf(o)[kind][name] = (typeof state === 'string' ? w.fileWith(state) : state) as never;
  };
const unitFile =
  (name: string, content: string | object, link: string | null = null): Break =>
  (o) => {
    w.filesOf(o).unit_files[name] = (
      typeof content === 'string' ? { ...w.fileWith(content), link_target: link } : content
    ) as never;
  };
const panes =
  (...ids: readonly string[]): Break =>
  (o) => {
    const pane = w.paneOf(o, 'coder');
    w.session(o, 'coder').panes = ids.map((id, i) =>
      i === 0 ? pane : { ...structuredClone(pane), id, runs: { verdict: 'shell', pid: 9, program: 'sh' } },
    );
  };
const UNKNOWN = { state: 'unknown', why: 'denied', detail: 'EACCES' } as const;
const ABSENT = { state: 'absent' } as const;
const blind: Break = (o) =>
  Object.assign(w.tmuxOf(o), { server: { state: 'unknown', why: 'timeout', detail: 'hangs' } });
const noUnit = (name: string): Break =>
  unit(name, { active_state: 'inactive', unit_file_state: 'disabled', wanted_by: [] });

const owned = (layout: LayoutName, name: string): PlanMemory => w.owning(w.roster(ROSTERS[layout]), [name]);
const session = (layout: LayoutName, name: string, spec: string | null): PlanMemory => ({
  ...owned(layout, name),
  sessions: {
    [name]: {
      ...{
        agent: name,
        socket: 'factory',
        server: { pid: 1000, start: 1_780_300_000 },
        id: name === 'gone' ? '$1' : '$2',
      },
      ...{ created: (w.NOW - 3_600_000) / 1000, spec, boot_id: 'b00t', done: false, plan: 'p' },
    },
  },
});
const kept = (name: string, content: string): PlanMemory => ({
  ...EMPTY_MEMORY,
  owned: {
    [`unit-file/${name}`]: {
      ...({ kind: 'unit-file', name, agent: null, how: 'adopted', state: 'made', protect: false } as const),
      ...{ since: '', plan: null, content },
    },
  },
});

const ROWS: readonly (readonly [LayoutName, string, string, readonly Break[], PlanMemory?, string?])[] = [
  ['fleet', 'an agent, nothing recorded', 'coder', []],
  ['mosaic', 'an agent, nothing recorded', 'coder', []],
  ['none', 'an agent, nothing recorded', 'coder', []],
  ['fleet', 'an agent, all recorded', 'coder', [], owned('fleet', 'coder')],
  ['mosaic', 'an agent, all recorded and its session known', 'coder', [], session('mosaic', 'coder', 'f'.repeat(32))],
  ['mosaic', 'its session known as adopted', 'session/coder', [], session('mosaic', 'coder', null)],
  [
    'mosaic',
    'its session only seen before its file was changed',
    'session/coder',
    [],
    session('mosaic', 'coder', 'env-file:abc'),
  ],
  [
    'fleet',
    'an agent that is protected',
    'coder',
    [],
    EMPTY_MEMORY,
    FLEET.replace('    runtime: pi\n', '    runtime: pi\n    protect: true\n'),
  ],
  [
    'fleet',
    'an agent of which little is there',
    'coder',
    [drop('coder'), file('env_files', 'coder', ABSENT), noUnit('fleet-agent@coder.service')],
  ],
  [
    'fleet',
    'an agent with a unit that is not loaded',
    'coder',
    [unit('fleet-agent@coder.service', { load_state: 'not-found' })],
  ],
  ['fleet', 'an unmarked session', 'session/coder', [mark('coder', null)]],
  [
    'fleet',
    'an unmarked session of two panes, one of them the runtime',
    'session/coder',
    [mark('coder', null), panes('%1', '%2')],
  ],
  ['fleet', "another fleet's session", 'session/coder', [mark('coder', 'theirs')]],
  ['fleet', "another agent's session", 'session/coder', [mark('coder', 'mosaic', 'else')]],
  ['fleet', 'no session', 'session/coder', [drop('coder')]],
  ['fleet', 'a session under another name', 'session/coder', [renamed('coder', 'x')]],
  ['fleet', 'a session in two places', 'session/coder', [copy('coder', 'other')]],
  ['fleet', 'a server that cannot be asked', 'session/coder', [blind]],
  ['fleet', 'tmux that cannot be asked', 'session/coder', [source('tmux')]],
  ['fleet', 'the holder', 'session/_holder', []],
  ['fleet', 'a stranger', 'session/nobody', []],
  ['fleet', 'a stranger, and a server that cannot be asked', 'session/nobody', [blind]],
  ['fleet', 'off the roster', 'gone', []],
  ['mosaic', 'off the roster', 'gone', []],
  ['none', 'off the roster', 'gone', []],
  ['fleet', 'off the roster, all recorded', 'gone', [], owned('fleet', 'gone')],
  ['mosaic', 'off the roster, all recorded', 'gone', [], session('mosaic', 'gone', 'f'.repeat(32))],
  ['fleet', 'off the roster, tmux cannot be asked', 'session/gone', [source('tmux')]],
  ['fleet', 'off the roster, in two places', 'session/gone', [copy('gone', 'other')]],
  ['fleet', 'off the roster, under another name', 'session/gone', [renamed('gone', 'x')]],
  [
    'mosaic',
    'off the roster, its unit inactive, something of it ours',
    'session/gone',
    [noUnit('mosaic-agent@gone.service')],
    owned('mosaic', 'gone'),
  ],
  ['mosaic', 'off the roster, its unit inactive, nothing ours', 'session/gone', [noUnit('mosaic-agent@gone.service')]],
  [
    'mosaic',
    'off the roster, on a socket that its unit does not reach',
    'session/gone',
    [copy('gone', 'other'), drop('gone')],
  ],
  [
    'mosaic',
    'off the roster, twice where its unit reaches',
    'session/gone',
    [copy('gone', 'default'), file('env_files', 'gone', ABSENT)],
  ],
  [
    'fleet',
    "a unit, its template another fleet's",
    'unit/fleet-agent@coder.service',
    [unitFile('fleet-agent@.service', '[X-Fleet]\nOwner=theirs\n')],
  ],
  [
    'fleet',
    'a unit, its template without a mark',
    'unit/fleet-agent@coder.service',
    [unitFile('fleet-agent@.service', '[Service]\n')],
  ],
  ['fleet', 'the holder unit', 'unit/fleet-tmux.service', []],
  [
    'fleet',
    "the holder unit, its file another fleet's",
    'unit/fleet-tmux.service',
    [unitFile('fleet-tmux.service', '[X-Fleet]\nOwner=theirs\n')],
  ],
  ['mosaic', 'the holder unit', 'unit/mosaic-tmux-holder.service', []],
  ['fleet', 'a unit of no layout', 'unit/ssh.service', []],
  ['none', 'a unit', 'unit/fleet-agent@coder.service', []],
  ['fleet', 'a unit, units cannot be asked', 'unit/fleet-agent@coder.service', [source('units', 'no-bus', 'nobody')]],
  ['fleet', 'a unit that is not there', 'unit/fleet-agent@nobody.service', []],
  [
    'fleet',
    'a unit that is missing',
    'unit/fleet-agent@coder.service',
    [unit('fleet-agent@coder.service', { load_state: 'not-found' })],
  ],
  [
    'fleet',
    'a unit of no agent',
    'unit/fleet-agent@gone.service',
    [drop('gone'), file('argv_files', 'gone', ABSENT), unitFile('fleet-agent@.service', '[X-Fleet]\nOwner=theirs\n')],
  ],
  [
    'fleet',
    'a unit that systemd has no word for',
    'unit/fleet-agent@coder.service',
    [unit('fleet-agent@coder.service', { unit_file_state: '' })],
  ],
  ['fleet', 'files that cannot be read', 'env-file/coder', [source('files')]],
  ['fleet', 'a file that cannot be read', 'env-file/coder', [file('env_files', 'coder', UNKNOWN)]],
  ['fleet', 'a rendered command that cannot be read', 'env-file/coder.argv', [file('argv_files', 'coder', UNKNOWN)]],
  ['fleet', 'a file that is not there', 'env-file/coder', [file('env_files', 'coder', ABSENT)]],
  ['fleet', 'the launcher', 'env-file/fleet.launch', []],
  [
    'fleet',
    'the launcher, recorded',
    'env-file/fleet.launch',
    [],
    {
      ...EMPTY_MEMORY,
      owned: {
        'env-file/fleet.launch': {
          kind: 'env-file',
          name: 'fleet.launch',
          agent: null,
          how: 'made',
          state: 'made',
          protect: true,
          since: '',
          plan: null,
          content: null,
        },
      },
    },
  ],
  ['fleet', "another fleet's file", 'env-file/coder', [file('argv_files', 'coder', '# fleet: owner=theirs\n')]],
  [
    'fleet',
    'a file of no agent',
    'env-file/lost',
    [file('env_files', 'lost', { state: 'present', keys: [], own: {}, mode: 0o600, modified_ms: 1, sha256: 'x' })],
  ],
  [
    'mosaic',
    'a file of no agent',
    'env-file/lost',
    [file('env_files', 'lost', { state: 'present', keys: [], own: {}, mode: 0o600, modified_ms: 1, sha256: 'x' })],
  ],
  ['fleet', 'a unit file of ours', 'unit-file/fleet-agent@.service', []],
  ['fleet', 'a unit file of ours, recorded', 'unit-file/fleet-agent@.service', [], kept('fleet-agent@.service', 'x')],
  [
    'fleet',
    'a unit file without a mark',
    'unit-file/fleet-agent@.service',
    [unitFile('fleet-agent@.service', 'a\nb\n')],
  ],
  [
    'fleet',
    'a unit file without a mark, taken already',
    'unit-file/fleet-agent@.service',
    [unitFile('fleet-agent@.service', 'a\nb\n')],
    kept('fleet-agent@.service', 'a\nb\n'),
  ],
  [
    'fleet',
    'a unit file without a mark, other text taken',
    'unit-file/fleet-agent@.service',
    [unitFile('fleet-agent@.service', 'a\nb\n')],
    kept('fleet-agent@.service', 'c'),
  ],
  [
    'fleet',
    "another fleet's unit file",
    'unit-file/fleet-tmux.service',
    [unitFile('fleet-tmux.service', '[X-Fleet]\nOwner=theirs\n')],
  ],
  ['fleet', 'an instance of layout fleet', 'unit-file/fleet-agent@coder.service', []],
  ['none', 'a unit file', 'unit-file/fleet-tmux.service', []],
  ['fleet', 'a unit file, files cannot be read', 'unit-file/fleet-tmux.service', [source('files')]],
  [
    'fleet',
    'a unit file that cannot be read',
    'unit-file/fleet-tmux.service',
    [unitFile('fleet-tmux.service', UNKNOWN)],
  ],
  ['fleet', 'a unit file that is not there', 'unit-file/fleet-tmux.service', [unitFile('fleet-tmux.service', ABSENT)]],
  [
    'mosaic',
    'a unit file that is a link',
    'unit-file/mosaic-agent@.service',
    [unitFile('mosaic-agent@.service', 'a', '/etc/x')],
  ],
  [
    'mosaic',
    'a unit file that is empty',
    'unit-file/mosaic-agent@.service',
    [unitFile('mosaic-agent@.service', ' \n')],
  ],
  ['mosaic', 'the template', 'unit-file/mosaic-agent@.service', [unitFile('mosaic-agent@.service', 'a\nb\n')]],
  ['mosaic', 'an instance', 'unit-file/mosaic-agent@coder.service', [unitFile('mosaic-agent@coder.service', 'a\nb\n')]],
  [
    'mosaic',
    'the template, taken already',
    'unit-file/mosaic-agent@.service',
    [unitFile('mosaic-agent@.service', 'a')],
    kept('mosaic-agent@.service', 'a'),
  ],
  [
    'mosaic',
    'the template, other text taken',
    'unit-file/mosaic-agent@.service',
    [unitFile('mosaic-agent@.service', 'a')],
    kept('mosaic-agent@.service', 'b'),
  ],
  ['fleet', 'a kind that nobody owns', 'heartbeat/coder', []],
  ['fleet', 'a kind of which there is none', 'x/coder', []],
  ['fleet', 'no name', 'session/', []],
  ['fleet', 'too many parts', 'session/a/b', []],
  ['fleet', 'another place', 'else/jarvis/session/coder', []],
  ['fleet', 'a full address', 'w-jarvis/jarvis/env-file/coder', []],
  ['fleet', 'nobody', 'nobody', []],
  ['mosaic', 'an agent whose unit cannot be asked', 'coder', [source('units')]],
  ['mosaic', 'off the roster, without a session', 'gone', [drop('gone')]],
  [
    'fleet',
    'nothing but a record',
    'gone',
    [
      drop('gone'),
      noUnit('fleet-agent@gone.service'),
      file('env_files', 'gone', ABSENT),
      file('argv_files', 'gone', ABSENT),
    ],
    owned('fleet', 'gone'),
  ],
  ['fleet', 'a record of nobody', 'nobody', [], owned('fleet', 'nobody')],
];

test.each(ROWS.map((row) => ({ row, name: `layout ${row[0]}, ${row[1]}: ${row[2]}` })))(
  '$name',
  ({ row: [layout, , target, breaks, memory = EMPTY_MEMORY, yaml], name }) => {
    const ctx = contextOf(layout, breaks, memory, yaml);
    const told = { name, adopt: adoptionOf(ctx, target), forget: forgettingOf(ctx, target) };
    const line = JSON.stringify(told).replaceAll('w-jarvis/jarvis/', '').replaceAll(w.HOME, '~');
    if (writing && !read.has(line)) appendFileSync(FILE, `${line}\n`);
    else expect(read).toContain(line);
  },
);
