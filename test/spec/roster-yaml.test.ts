import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../src/spec/diagnostics.ts';
import { MAX_ROSTER_BYTES, parseRoster } from '../../src/spec/roster.ts';

const say = (bytes: Uint8Array | string): readonly string[] => {
  const result = parseRoster(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes, 'r.yaml');
  return result.ok ? [] : result.error.map((d) => formatDiagnostic(d).replace(/^r\.yaml:/, ''));
};
const deep = (levels: number): string =>
  `version: 1\nagents: []\nconnector: { x: ${'['.repeat(levels)}${']'.repeat(levels)} }\n`;

const REFUSED: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'an alias',
    'version: 1\ndefaults: &d { runtime: pi }\nagents: [{ name: a, env: *d }]\n',
    ['3:26: an alias: *d; a roster says everything where it holds (write it out, or move it to `defaults`)'],
  ],
  [
    'an alias of what holds it',
    'version: 1\nagents: &x\n  - *x\n',
    ['3:5: an alias: *x; a roster says everything where it holds (write it out, or move it to `defaults`)'],
  ],
  [
    'every tag, standard ones too',
    'version: !!int 1\nfleet: !!str x\nagents: !foo []\n',
    [
      '1:16: a tag: !!int (remove it; quotes make text)',
      '2:14: a tag: !!str (remove it; quotes make text)',
      '3:14: a tag: !foo (remove it; quotes make text)',
    ],
  ],
  [
    'merge keys, which YAML 1.2 does not have',
    'version: 1\nagents: []\n<<: { fleet: x }\n',
    [
      '3:1: unknown key: `<<`; expected one of version, fleet, layout, supervisor, transport, tmux, hosts, tenants, defaults, runtimes, agents, ignore, connector',
    ],
  ],
  [
    'a key twice',
    'version: 1\nfleet: a\nagents: []\nfleet: b\n',
    ['4:1: the same key twice: `fleet` (keep one of them)'],
  ],
  [
    'keys that are no text',
    'version: 1\n1: x\ntrue: x\n? [a]\n: b\n~: x\nagents: []\n',
    [
      '2:1: a key that cannot be one: expected text, got 1 (write it in quotes)',
      '3:1: a key that cannot be one: expected text, got true (write it in quotes)',
      '4:3: a key that cannot be one: expected text, got a list or mapping (quote a text that begins with a bracket)',
      '6:1: a key that cannot be one: expected text, got ~ (write it in quotes)',
    ],
  ],
  [
    'tabs as indentation',
    'version: 1\nagents:\n\t- name: a\n',
    ['3:1: not valid YAML 1.2: tabs are not allowed as indentation (indent with spaces)'],
  ],
  [
    'a second document',
    'version: 1\nagents: []\n---\nversion: 1\n',
    ['3:1: more than one document: a roster is one document; another begins here (remove the second `---`)'],
  ],
  [
    'YAML 1.1, where no is false and 010 is 8',
    '%YAML 1.1\n---\nversion: 1\nagents: []\n',
    ['1:1: another version of YAML: %YAML 1.1; a roster is YAML 1.2 (remove the directive)'],
  ],
  [
    'an unquoted colon',
    'version: 1\nfleet: a: b\nagents: []\n',
    ['2:8: not valid YAML 1.2: nested mappings are not allowed in compact mappings (quote a text that holds `: `)'],
  ],
  [
    'a list that is not closed',
    'version: 1\nagents: [a, b\n',
    [
      '3:1: not valid YAML 1.2: flow sequence in block collection must be sufficiently indented and end with a ] (line it up with its siblings)',
    ],
  ],
  [
    'an empty file',
    '',
    [
      '1:1: the roster is empty: expected `version` and `agents` (start from the sample fleet.yaml; `agents: []` is a roster without agents)',
    ],
  ],
  [
    'a file of comments',
    '# nothing\n',
    [
      '1:1: the roster is empty: expected `version` and `agents` (start from the sample fleet.yaml; `agents: []` is a roster without agents)',
    ],
  ],
  ['more than 64 levels', deep(63), ['3:79: nested too deeply: deeper than 64 levels']],
  ['a megabyte of lists in each other', '['.repeat(1_000_000), ['1:257: nested too deeply: deeper than 64 levels']],
  ['half a megabyte of dashes', '- '.repeat(500_000), ['1:512: nested too deeply: deeper than 64 levels']],
  ['a megabyte of keys of keys', 'a: '.repeat(300_000), ['1:767: nested too deeply: deeper than 64 levels']],
];

describe('the text of a roster', () => {
  it.each(REFUSED)('must not hold %s', (_what, text, says) => {
    expect(say(text)).toEqual(says);
  });

  it.each([
    ['a byte order mark', '\ufeffversion: 1\nagents: []\n'],
    ['carriage returns', 'version: 1\r\nagents: []\r\n'],
    ['an explicit document', '%YAML 1.2\n---\nversion: 1\nagents: []\n...\n'],
    ['64 levels', deep(62)],
    ['an anchor that nothing refers to', 'version: 1\nagents: &x []\n'],
  ])('may have %s', (_what, text) => {
    expect(say(text)).toEqual([]);
  });

  it('is a mapping where connector is given, whatever that holds', () => {
    expect(say('version: 1\nagents: []\nconnector: [x]\n')).toEqual([
      '3:12: bad value: connector: expected a mapping of keys and values, got a list',
    ]);
  });

  it('is UTF-8: a byte that is not is told with its line and column', () => {
    expect(say(new Uint8Array([...new TextEncoder().encode('version: 1\nfleet: é'), 0xe9, 0x0a]))).toEqual([
      '2:9: the roster is not text: byte 21 is not UTF-8 (save it as UTF-8 (`file FILE` tells what it is))',
    ]);
    expect(say(new Uint8Array([0x61, 0xe2, 0x82]))).toEqual([
      '1:2: the roster is not text: byte 2 is not UTF-8 (save it as UTF-8 (`file FILE` tells what it is))',
    ]);
  });

  it('has no NUL', () => {
    expect(say('version: 1\nfl\0eet: x\n')).toEqual([
      '2:3: the roster is not text: byte 14 is NUL; a roster is UTF-8 text (save it as UTF-8 (`file FILE` tells what it is))',
    ]);
  });

  it('is at most 1 MiB', () => {
    const text = 'version: 1\nagents: []\n';
    const fill = (size: number): string => `${text}${'#'.repeat(size - text.length - 1)}\n`;
    expect(say(fill(MAX_ROSTER_BYTES))).toEqual([]);
    expect(say(fill(MAX_ROSTER_BYTES + 1))).toEqual([
      '1:1: the roster is too large: 1048577 bytes or more; at most 1048576 (split it: one roster a host or a tenant)',
    ]);
  });

  it('tells of the first 200 problems where there are more, and says how many more', () => {
    const says = say(`version: 1\nagents: []\n${Array.from({ length: 5_000 }, (_, i) => `key${i}: x\n`).join('')}`);
    expect(says).toHaveLength(201);
    expect(says.at(-1)).toBe('there is more: 4800 further problems are not shown (mend these first)');
  });
});
