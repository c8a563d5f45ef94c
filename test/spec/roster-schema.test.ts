import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rosterJsonSchema } from '../../src/spec/json-schema.ts';
import { checkShape, isSurelyFit, rosterSchema } from '../../src/spec/schema.ts';
import { AGENT_NAME } from '../../src/spec/schema-parts.ts';
import { issuesOf } from '../../src/spec/schema-zod.ts';
import { readYaml } from '../../src/spec/yaml.ts';
import * as DIFF from '../diff/rosters.ts';
import * as RECONCILE from '../reconcile/rosters.ts';
import { ROSTER_TEXT } from '../system/harness/mosaic.ts';
import { diagnose, roster } from './diagnose.ts';
import { ajv, schemaErrors, schemaErrorsOfText } from './json-schema.ts';

const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

const SAMPLE = read('fleet.yaml');
const [PROSE = '', ...REST] = SAMPLE.split('version: 1');
const UNCOMMENTED = `version: 1${REST.join('version: 1').replace(/^( *)# /gm, '$1')}`;

/** Every whole roster of the documents; others are parts of one. */
const ROSTERS_OF_DOCS = [
  'README.md',
  ...readdirSync(new URL('../../docs', import.meta.url)).map((name) => `docs/${name}`),
]
  .flatMap((file) =>
    [...read(file).matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => [file, text] as const),
  )
  .filter(([, text]) => /^version: /m.test(text));

describe('the sample roster', () => {
  it('validates as it is, with one agent', () => {
    expect(roster(SAMPLE).agents.map(({ name }) => name)).toEqual(['coder']);
  });

  it('validates with every comment taken away, and then says nothing new but what its comments say', () => {
    expect(PROSE).not.toBe('');
    const whole = roster(UNCOMMENTED);
    const { name: _name, source: _source, ...second } = whole.agents[1] ?? { name: null, source: null };
    const plain = roster(SAMPLE.replace('runtime: claude', 'runtime: codex')).agents[0];
    expect(second).toMatchObject({
      class: plain?.class,
      lifecycle: plain?.lifecycle,
      boot: plain?.boot,
      manage: plain?.manage,
      protect: plain?.protect,
      onChange: plain?.onChange,
      heartbeat: plain?.heartbeat,
      restart: plain?.restart,
      wave: plain?.wave,
    });
    expect(whole.layout).toBe('fleet');
    expect(whole.tmux.holderSession).toBe('_holder');
    expect(whole.ignore).toHaveLength(1);
  });
});

describe('the JSON Schema', () => {
  const schema = rosterJsonSchema() as {
    readonly [key: string]: unknown;
    readonly properties: Readonly<Record<string, unknown>>;
  };

  it('is draft-07, closed, and wants version and agents', () => {
    expect(schema).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      additionalProperties: false,
      required: ['version', 'agents'],
    });
  });

  it('knows the fields of an agent, their choices and the pattern of its name', () => {
    expect(schema.properties['agents']).toMatchObject({
      type: 'array',
      items: {
        additionalProperties: false,
        required: ['name'],
        properties: {
          name: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]{0,62}$' },
          lifecycle: { enum: ['core', 'ephemeral'] },
          command: { type: 'array', items: { type: 'string' }, minItems: 1 },
        },
      },
    });
  });

  it('is valid by the draft that it names', () => {
    expect(ajv.validateSchema(schema), ajv.errorsText()).toBe(true);
  });

  it.each<readonly [string, string]>([
    ['the sample roster', SAMPLE],
    ['the sample roster without its comments', UNCOMMENTED],
    ...ROSTERS_OF_DOCS.map(([file, text], at) => [`roster ${at + 1} of the documents, in ${file}`, text] as const),
    ...[...Object.entries(DIFF), ...Object.entries(RECONCILE)].flatMap(([name, text]) =>
      typeof text === 'string' ? [[`the tests' ${name}`, text] as const] : [],
    ),
    ['the fleet of record', ROSTER_TEXT],
  ])('takes %s, as validate does', (_what, text) => {
    expect(roster(text).agents.length).toBeGreaterThan(0);
    expect(schemaErrorsOfText(text)).toEqual([]);
  });

  it('finds the rosters of README and of the contract', () => {
    expect(ROSTERS_OF_DOCS.map(([file]) => file)).toEqual(['README.md', 'docs/contract.md']);
  });

  it.each([
    ['an unknown key at the top', { agent: [] }],
    ['an unknown key of an agent', { agents: [{ name: 'a', runtim: 'pi' }] }],
    ['an unknown key deep down', { agents: [{ name: 'a', heartbeat: { intervall: '15s' } }] }],
    ['text for a number', { version: '1' }],
    ['a number for text', { fleet: 1 }],
    ['text for a flag', { agents: [{ name: 'a', boot: 'true' }] }],
    ['a mapping for a list', { agents: {} }],
    ['a shell line for a command', { agents: [{ name: 'a', command: 'pi --model x' }] }],
    ['a choice that there is not', { supervisor: 'cron' }],
    ['a name that tmux would change', { agents: [{ name: 'web.1' }] }],
  ])('refuses %s, as validate does', (_what, changes) => {
    const data = { version: 1, agents: [{ name: 'a', runtime: 'pi' }], ...changes };
    expect(schemaErrors(data)).not.toEqual([]);
    expect(diagnose(JSON.stringify(data))).not.toEqual([]);
  });

  it('is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });
});

describe('the short way to a valid shape', () => {
  it.each([
    ['args', '[]', []],
    ['class', '["x"]', ['x']],
    ['class', '1', 1],
    ['class', 'true', true],
    ['class', 'null', null],
  ])('does not take %s %j for %j', (key, text, value) => {
    const agents = [
      { name: 'a', [key]: text },
      { name: 'b', [key]: value },
      { name: 'c', [key]: text },
    ];
    expect(checkShape({ version: 1, agents }).ok).toBe(false);
    expect(checkShape({ version: 1, agents: agents.slice(1) }).ok).toBe(false);
  });

  it('takes the sample roster, with and without its comments', () => {
    for (const text of [SAMPLE, UNCOMMENTED]) {
      const yaml = readYaml(text);
      expect(yaml.ok && isSurelyFit(yaml.value.data)).toBe(true);
    }
  });

  it.each(
    Object.entries({
      version: [1, 2, '1', null],
      fleet: ['a', 'A', 'a'.repeat(32), ''],
      supervisor: ['none', 'systemd', 'cron', null],
      tmux: [{}, { socket_name: '' }, { socket_name: 'a/b' }, { socketName: 'x', holder_session: '-a' }, [], null],
      hosts: [{}, { box: {} }, { box: { ssh: 'a@b' } }, { box: { ssh: '-oX' } }, { 'a b': {} }, { box: null }, []],
      tenants: [{ a: { user: 'a' } }, { A: {} }, { a: { user: 'a b' } }, { a: { uid: 1 } }],
      defaults: [{}, { name: 'a' }, { wave: 1001 }, { wave: 0.5 }, { restart: { window: '0s' } }, { protect: 'true' }],
      runtimes: [
        { x: {} },
        { x: { command: [] } },
        { x: { command: ['./a'] } },
        { x: { command: ['a', 1] } },
        { x: { match: { exe: 'a', script: [], package: ['@a/b'] } } },
        { x: { match: { exe: ['a', '~/b'], package: '@a/b' } } },
        { x: { reset_command: ['a'] } },
        { x: { reset_command: [1] } },
      ],
      ignore: [[], [{ target: 'a', reason: 'b' }], [{ target: 'a' }], [{ target: 'a', path: 'x', reason: 'b' }], {}],
      connector: [{}, { a: [{}] }, [], 'x'],
      agents: [[{ name: 'a', env: { A: { from_file: '~/x' } } }], [{ name: 'a', env: { A: { from_file: 'x' } } }], {}],
      nonsense: [1],
    }).flatMap(([key, values]) => values.map((value): [string, unknown] => [key, value])),
  )('and the whole schema say the same of %s: %j; so does the JSON Schema, of its shape', (key, value) => {
    const data = { version: 1, agents: [], [key]: value };
    expect(isSurelyFit(data)).toBe(isFit(data));
    expect(schemaErrors(data).length === 0).toBe(isFitInShape(data));
  });

  it('says yes where the whole schema does, and nowhere else', () => {
    const value = fc.oneof(
      fc.constantFrom<unknown>('a', '', '15s', '~/x', 'core', 'stopped', true, 1, 0, null, [], ['a'], ['./a'], {}),
      fc.constantFrom<unknown>(
        { interval: '15s' },
        { interval: 15 },
        { FOO: 'bar' },
        { '1': 'x' },
        { width: 1, height: 1 },
        { width: 1 },
      ),
    );
    const key = fc.constantFrom(
      ...[
        'name',
        'runtime',
        'class',
        'lifecycle',
        'state',
        'boot',
        'command',
        'args',
        'env',
        'window',
        'heartbeat',
        'wave',
      ],
      ...['depends_on', 'working_directory', 'socket', 'nonsense', 'toString', 'hasOwnProperty'],
    );
    const agent = fc.oneof(
      fc.dictionary(key, value, { maxKeys: 4 }).map((a) => ({ name: 'a', ...a })),
      value,
    );
    const data = fc.record({ version: fc.constantFrom<unknown>(1, 2), agents: fc.array(agent, { maxLength: 3 }) });
    fc.assert(
      fc.property(data, (d) => {
        expect(isSurelyFit(d)).toBe(isFit(d));
        expect(schemaErrors(d).length === 0).toBe(isFitInShape(d));
      }),
      { numRuns: 2_000 },
    );
  });
});

const isFit = (data: unknown): boolean => issuesOf(rosterSchema(), data).length === 0;

/** Without what JSON Schema cannot say (programs, durations beyond their pattern), with the pattern of names, which it does. */
function isFitInShape(data: { readonly agents: unknown }): boolean {
  const agents = [data.agents].flat() as readonly { readonly name?: unknown; readonly depends_on?: unknown }[];
  const names = agents.flatMap((agent) => [agent?.name, agent?.depends_on].flat());
  return (
    names.every((name) => typeof name !== 'string' || AGENT_NAME.test(name)) &&
    issuesOf(rosterSchema(), data).every(({ code }) => code === 'custom')
  );
}
