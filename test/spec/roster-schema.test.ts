import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rosterJsonSchema } from '../../src/spec/json-schema.ts';
import { checkShape, isSurelyFit, rosterSchema } from '../../src/spec/schema.ts';
import { readYaml } from '../../src/spec/yaml.ts';
import { roster } from './diagnose.ts';

const SAMPLE = readFileSync(new URL('../../fleet.yaml', import.meta.url), 'utf8');

describe('the sample roster', () => {
  it('validates as it is, with one agent', () => {
    expect(roster(SAMPLE).agents.map(({ name }) => name)).toEqual(['coder']);
  });

  it('validates with every comment taken away, and then says nothing new but what its comments say', () => {
    const [prose = '', ...rest] = SAMPLE.split('version: 1');
    expect(prose).not.toBe('');
    const whole = roster(`version: 1${rest.join('version: 1').replace(/^( *)# /gm, '$1')}`);
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
    const [, ...rest] = SAMPLE.split('version: 1');
    for (const text of [SAMPLE, `version: 1${rest.join('version: 1').replace(/^( *)# /gm, '$1')}`]) {
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
  )('and the whole schema say the same of %s: %j', (key, value) => {
    const data = { version: 1, agents: [], [key]: value };
    expect(isSurelyFit(data)).toBe(isFit(data));
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
      }),
      { numRuns: 2_000 },
    );
  });
});

const isFit = (data: unknown): boolean => {
  const result = rosterSchema()['~standard'].validate(data);
  if (result instanceof Promise) throw new Error('the schema is synchronous');
  return result.issues === undefined;
};
