/** Rosters by fast-check: up to six agents, every field that decides something, in both layouts and both supervisors. */
import fc from 'fast-check';
import type { Roster } from '../../src/spec/model.ts';
import * as seen from '../diff/world.ts';

const KINDS = [
  { layout: 'mosaic', supervisor: 'systemd' },
  { layout: 'fleet', supervisor: 'systemd' },
  { layout: 'fleet', supervisor: 'none' },
  { layout: 'mosaic', supervisor: 'none' },
] as const;

const NAMES = ['ant', 'bee', 'cat', 'dog', 'eel', 'fox'] as const;

const agent = fc.record({
  runtime: fc.constantFrom('stub', 'stub', 'pi', 'claude', 'beats'),
  state: fc.constantFrom('running', 'running', 'running', 'running', 'stopped'),
  lifecycle: fc.constantFrom('core', 'core', 'core', 'core', 'ephemeral'),
  boot: fc.boolean(),
  wave: fc.nat({ max: 2 }),
  below: fc.nat({ max: 12 }),
  manage: fc.constantFrom('enforce', 'enforce', 'enforce', 'enforce', 'enforce', 'warn', 'observe'),
  protect: fc.constantFrom(false, false, false, false, false, true),
  onChange: fc.constantFrom('defer', 'defer', 'restart', 'keep'),
  required: fc.boolean(),
  directory: fc.nat({ max: 1 }),
  env: fc.boolean(),
  window: fc.boolean(),
});
type AgentDraft = typeof agent extends fc.Arbitrary<infer T> ? T : never;

export interface RosterDraft {
  readonly kind: number;
  readonly agents: readonly AgentDraft[];
  /** What the roster says later: agents that left it, and one that says something else. */
  readonly left: readonly number[];
  readonly edited: readonly { readonly at: number; readonly to: AgentDraft }[];
  readonly ignores: boolean;
}

export const rosterDrafts: fc.Arbitrary<RosterDraft> = fc.record({
  kind: fc.nat({ max: KINDS.length - 1 }),
  agents: fc.array(agent, { minLength: 1, maxLength: NAMES.length }),
  left: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.uniqueArray(fc.nat({ max: 5 }), { maxLength: 2 })),
  edited: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    fc.array(fc.record({ at: fc.nat({ max: 5 }), to: agent }), { maxLength: 2 }),
  ),
  ignores: fc.constantFrom(false, false, false, true),
});

/** The roster that the world was made by, and the one that it is held to now. */
export function rostersOf(draft: RosterDraft): { readonly before: Roster; readonly now: Roster } {
  const names = NAMES.slice(0, draft.agents.length);
  const before = draft.agents.map((a, i): Named => [names[i] ?? '', a]);
  const edited = before.map(([name, a], i): Named => [name, draft.edited.find((e) => e.at === i)?.to ?? a]);
  const left = edited.filter((_, i) => !draft.left.includes(i));
  const kept = left.length === 0 ? edited.slice(0, 1) : left;
  const first = parsed(draft, before);
  const same = draft.left.length === 0 && draft.edited.length === 0;
  return { before: first, now: same ? first : parsed(draft, kept) };
}

type Named = readonly [string, AgentDraft];

const CACHE = new Map<string, Roster>();

function parsed(draft: RosterDraft, agents: readonly Named[]): Roster {
  const yaml = textOf(draft, agents);
  const known = CACHE.get(yaml);
  if (known !== undefined) return known;
  const roster = seen.roster(yaml);
  if (CACHE.size > 10_000) CACHE.clear();
  CACHE.set(yaml, roster);
  return roster;
}

function textOf(draft: RosterDraft, agents: readonly Named[]): string {
  const { layout, supervisor } = KINDS[draft.kind] ?? KINDS[0];
  const [first] = agents;
  const ignore = draft.ignores && first !== undefined;
  return `version: 1
fleet: zoo
layout: ${layout}
supervisor: ${supervisor}
tmux: { socket_name: zoo }
runtimes:
  stub: { command: [python3, ~/stub.py], match: { script: stub.py }, beats: false }
  beats: { command: [python3, ~/beats.py], match: { script: beats.py } }
agents:
${agents.map((a, i) => agentText(layout, supervisor, agents, a, i)).join('')}${
  ignore ? `ignore:\n  - { target: session/${first[0]}, path: /working_directory, reason: moving }\n` : ''
}`;
}

function agentText(
  layout: string,
  supervisor: string,
  agents: readonly Named[],
  [name, a]: Named,
  index: number,
): string {
  const stopped = a.state === 'stopped';
  // Only on agents that are further up and start no later: no circles, and nothing that could never be waited for.
  const below = a.below < index ? agents[a.below] : undefined;
  const fields = [
    `name: ${name}`,
    `runtime: ${a.runtime}`,
    `lifecycle: ${a.lifecycle}`,
    ...(stopped ? ['state: stopped'] : []),
    ...(supervisor === 'systemd' && !stopped && a.lifecycle === 'core' ? [`boot: ${a.boot}`] : []),
    `wave: ${a.wave}`,
    ...(below !== undefined && below[1].wave <= a.wave ? [`depends_on: [${below[0]}]`] : []),
    `manage: ${a.manage}`,
    `protect: ${a.protect}`,
    `on_change: ${a.onChange}`,
    `working_directory: ~/src${a.directory}`,
    `heartbeat: { required: ${a.required} }`,
    ...(layout === 'fleet' && a.env ? ['env: { FOO: bar, TOKEN: { from_file: ~/.token } }'] : []),
    ...(layout === 'fleet' && a.window ? ['window: { width: 200, height: 50 }'] : []),
  ];
  return `  - { ${fields.join(', ')} }\n`;
}
