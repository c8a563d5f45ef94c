/** Every field of the roster with values to change it to, and with values that it must not have. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Fields = { readonly [key: string]: Json };

export interface RosterDocument {
  readonly [key: string]: Json;
  readonly agents: readonly (Fields & { readonly name: string })[];
}

export const BASE: RosterDocument = {
  version: 1,
  fleet: 'mosaic',
  tmux: { socket_name: 'mosaic-factory' },
  runtimes: {
    stub: { command: ['python3', '~/stub.py'], match: { script: 'stub.py' } },
    other: { command: ['python3', '~/other.py'], match: { script: 'other.py' } },
    third: { command: ['python3', '~/third.py', '--fast'], match: { script: 'third.py' } },
  },
  defaults: { working_directory: '~/src', runtime: 'stub' },
  agents: [{ name: 'coder' }, { name: 'orchestrator' }, { name: 'reviewer' }],
};

export interface FieldCase {
  readonly field: string;
  /** What it is changed to. */
  readonly change: (roster: RosterDocument, agent: number) => RosterDocument;
  readonly label: string;
}

interface Field {
  readonly field: string;
  readonly values: readonly Json[];
  readonly invalid: readonly Json[];
}

const AGENT_FIELDS: readonly Field[] = [
  { field: 'runtime', values: ['other', 'third', 'pi', 'claude', 'codex'], invalid: ['', 'nobody', 7, null, ['pi']] },
  { field: 'class', values: ['reviewer', 'night', 'a b', 'ünï', '#(touch x)'], invalid: ['a\nb', 7, [], {}, true] },
  { field: 'lifecycle', values: ['ephemeral', 'core'], invalid: ['forever', 1, '', null, true] },
  { field: 'state', values: ['stopped', 'running'], invalid: ['paused', 0, '', null, false] },
  {
    field: 'stopped',
    values: [{ by: 'me' }, { why: 'rest' }, { by: 'me', why: 'rest' }, {}],
    invalid: ['me', { who: 'me' }, 7, [1], { by: 7 }],
  },
  { field: 'boot', values: [false, true], invalid: ['yes', 1, 'false', {}, []] },
  {
    field: 'command',
    values: [['pi', '--model', 'x'], ['python3', '~/other.py'], ['sh', '-c', 'echo $HOME; #{x}'], ['a b'], ['x', '']],
    invalid: ['pi', [], [7], '', {}],
  },
  {
    field: 'args',
    values: [['--fast'], ['a b'], ['%h', '$X'], ['-x', ';'], ['"', "'"]],
    invalid: ['--fast', [7], {}, 7, [null]],
  },
  { field: 'model_hint', values: ['opus', 'sonnet', 'a b', 'x/y', 'ü'], invalid: [7, 'a\nb', [], {}, true] },
  {
    field: 'env',
    values: [{ A: 'b' }, { A: 'c', B: '' }, { B: '%h $X' }, { A: "'" }, { TOKEN_NAME: 'x y' }],
    invalid: [{ 'a-b': 'x' }, 'A=b', { A: 7 }, { A: { file: 'x' } }, ['A']],
  },
  {
    field: 'working_directory',
    values: ['~/other', '/srv/x', '~/a b', '~', '/'],
    invalid: ['relative', '', 7, '~bob/x', []],
  },
  {
    field: 'window',
    values: [
      { width: 100, height: 30 },
      { width: 80, height: 24 },
      { width: 300, height: 90 },
      { width: 1, height: 1 },
      { width: 200, height: 50 },
    ],
    invalid: [{ width: 0, height: 5 }, { width: 5 }, '80x24', 7, { width: 'a', height: 1 }],
  },
  { field: 'manage', values: ['warn', 'observe', 'enforce'], invalid: ['ignore', 0, '', null, true] },
  { field: 'protect', values: [true, false], invalid: ['yes', 1, {}, [], 'true'] },
  { field: 'on_change', values: ['restart', 'keep', 'defer'], invalid: ['never', 0, '', null, true] },
  {
    field: 'heartbeat',
    values: [
      { interval: '30s' },
      { stale_after: 5 },
      { required: false },
      { on_stale: 'restart' },
      { interval: '5s', stale_after: 10 },
    ],
    invalid: [{ interval: '5 parsecs' }, { stale_after: 0 }, { interval: 15 }, 'often', { every: '5s' }],
  },
  {
    field: 'restart',
    values: [{ backoff: '10s' }, { max_backoff: '1h' }, { limit: 2 }, { window: '1h' }, { backoff: '1s', limit: 9 }],
    invalid: [{ limit: 0 }, { backoff: 'soon' }, { window: '0s' }, 'never', { tries: 3 }],
  },
  { field: 'wave', values: [1, 2, -1, 1000, -1000], invalid: ['first', 1.5, 1001, [], '1'] },
  { field: 'socket', values: ['elsewhere', 'another', 'x-1', 'third', ''], invalid: ['a/b', 7, [], {}, true] },
];

const withAgent = (roster: RosterDocument, index: number, more: Fields): RosterDocument => ({
  ...roster,
  agents: roster.agents.map((agent, i) => (i === index ? { ...agent, ...more } : agent)),
});

const ELSEWHERE: readonly FieldCase[] = [
  ...['extra', 'a-b', 'z9', 'x_y', 'deep'].map((name) =>
    top('agents', name, (r) => ({ ...r, agents: [...r.agents, { name }] })),
  ),
  ...[[0], [1], [2], [0, 1], [1, 2]].map((without) =>
    top('agents', `without ${without}`, (r) => ({ ...r, agents: r.agents.filter((_, i) => !without.includes(i)) })),
  ),
  ...['class', 'model_hint', 'wave', 'on_change', 'boot'].map((field, i) =>
    top('defaults', field, (r) => merge(r, 'defaults', { [field]: ['x', 'y', 3, 'restart', false][i] ?? null })),
  ),
  ...[0, 1, 2, 3, 4].map((i) =>
    top('runtimes', `command ${i}`, (r) =>
      merge(r, 'runtimes', { stub: { command: ['python3', '~/stub.py', `--v${i}`], match: { script: 'stub.py' } } }),
    ),
  ),
  ...[0, 1, 2, 3, 4].map((i) =>
    top('runtimes', `unused ${i}`, (r) =>
      merge(r, 'runtimes', { [`unused${i}`]: { command: ['x'], beats: i % 2 === 0 } }),
    ),
  ),
  ...['/a', '/class', '/working_directory', '/env', '/runtime'].map((path) =>
    top('ignore', path, (r) => ({ ...r, ignore: [{ target: 'session/coder', path, reason: 'moving house' }] })),
  ),
  ...['one', 'two', 'three', 'four', 'five'].map((host) =>
    top('hosts', host, (r) => ({ ...r, hosts: { 'w-jarvis': {}, [host]: { ssh: `me@${host}` } } })),
  ),
  ...['one', 'two', 'three', 'four', 'five'].map((name) =>
    top('tenants', name, (r) => ({ ...r, tenants: { jarvis: { user: 'jarvis' }, [name]: { user: name } } })),
  ),
  ...['alpha', 'beta', 'gamma', 'd-4', 'fleet'].map((fleet) => top('fleet', fleet, (r) => ({ ...r, fleet }))),
  ...['alpha', 'beta', 'gamma', 'd-4', ''].map((socket_name) =>
    top('tmux', `socket ${socket_name}`, (r) => merge(r, 'tmux', { socket_name })),
  ),
  ...[[1], [2], [1, 2], [2], [1]].map((on, i) =>
    top('depends_on', `${i} on ${on}`, (r) => withAgent(r, 0, { depends_on: on.map((a) => r.agents[a]?.name ?? '') })),
  ),
];

function top(field: string, label: string, change: (roster: RosterDocument) => RosterDocument): FieldCase {
  return { field, label, change };
}

function merge(roster: RosterDocument, key: string, more: Fields): RosterDocument {
  return { ...roster, [key]: { ...(roster[key] as Fields), ...more } };
}

/** At least five changes of each field. */
export const CHANGES: readonly FieldCase[] = [
  ...AGENT_FIELDS.flatMap(({ field, values }) =>
    Array.from({ length: Math.max(5, values.length) }, (_, i): FieldCase => {
      const value = values[i % values.length] ?? null;
      // A value that is the default already is a change on the way back from the other one.
      return {
        field,
        label: `${field}: ${JSON.stringify(value)}`,
        change: (roster, agent) => withAgent(roster, agent, { [field]: value }),
      };
    }),
  ),
  ...ELSEWHERE,
];

/** Rosters that must be refused, each with one field as it may not be. */
export const INVALID: readonly FieldCase[] = [
  ...AGENT_FIELDS.flatMap(({ field, invalid }) =>
    invalid.map(
      (value): FieldCase => ({
        field,
        label: `${field}: ${JSON.stringify(value)}`,
        change: (roster, agent) => withAgent(roster, agent, { [field]: value }),
      }),
    ),
  ),
  ...(
    [
      ['version', 2],
      ['fleet', 'A B'],
      ['layout', 'other'],
      ['supervisor', 'cron'],
      ['agents', {}],
      ['tmux', { socket: 'x' }],
      ['nonsense', 1],
    ] as const
  ).map(([field, value]) => top(field, JSON.stringify(value), (r) => ({ ...r, [field]: value as Json }))),
];
