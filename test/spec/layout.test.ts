import { describe, expect, test } from 'vitest';
import { expandHome } from '../../src/spec/home.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import { parseSessionMark, sessionMarkFormat } from '../../src/spec/session-mark.ts';

describe('a layout names', () => {
  test.each([
    [
      'fleet',
      'fleet-tmux.service',
      'fleet-agent@x.service',
      '~/.config/fleet/agents/x.env',
      '~/.local/state/fleet/run',
    ],
    [
      'mosaic',
      'mosaic-tmux-holder.service',
      'mosaic-agent@x.service',
      '~/.config/mosaic/fleet/agents/x.env',
      '~/.config/mosaic/fleet/run',
    ],
  ] as const)('units, files and directories: %s', (name, holder, unit, file, beats) => {
    const layout = layoutOf(name);
    const seen = [layout.holderUnit, layout.agentUnit('x'), layout.envFile('x'), layout.heartbeatDirectory];
    expect(seen).toEqual([holder, unit, file, beats]);
    expect(layout.argvFile('x')).toBe('~/.config/fleet/agents/x.argv');
    expect(layout.ownsUnitFiles).toBe(name === 'fleet');
  });

  test('variables, in the order in which a new env file has them', () => {
    expect(layoutOf('mosaic').keyOrder).toEqual([
      'MOSAIC_AGENT_NAME',
      'MOSAIC_AGENT_CLASS',
      'MOSAIC_AGENT_RUNTIME',
      'MOSAIC_AGENT_MODEL',
      'MOSAIC_AGENT_WORKDIR',
      'MOSAIC_AGENT_COMMAND',
      'MOSAIC_TMUX_SOCKET',
    ]);
    expect(layoutOf('fleet').keyOrder.every((key) => key.startsWith('FLEET_'))).toBe(true);
  });

  test.each([
    ['fleet-agent@a-b_c.service', 'a-b_c'],
    ['fleet-agent@a\\x2db.service', 'a\\x2db'],
    ['fleet-agent@.service', null],
    ['fleet-agent@a.timer', null],
    ['mosaic-agent@a.service', null],
    ['fleet-tmux.service', null],
  ])('the agent of the unit %s', (unit, agent) => {
    expect(layoutOf('fleet').agentOfUnit(unit)).toBe(agent);
  });
});

test.each([
  ['~', '/home/j'],
  ['~/x/~', '/home/j/x/~'],
  ['~user/x', '~user/x'],
  ['a~/x', 'a~/x'],
  ['', ''],
])('the home in %j', (path, expanded) => {
  expect(expandHome(path, '/home/j')).toBe(expanded);
});

describe('a mark', () => {
  const session = { pid: 12, id: '$3', created: 99 };

  test('is what tmux makes of its format', () => {
    expect(sessionMarkFormat('o', 'a')).toBe('o/a/#{pid}/#{session_id}/#{session_created}');
    expect(sessionMarkFormat('o', '_h#(x)')).toBe('o/_h##(x)/#{pid}/#{session_id}/#{session_created}');
  });

  test.each([
    ['o/a/12/$3/99', { owner: 'o', agent: 'a' }],
    ['o/a/b/12/$3/99', { owner: 'o', agent: 'a/b' }],
    ['o/a/12/$3/98', null],
    ['o/a/13/$3/99', null],
    ['o/a/12/$4/99', null],
    ['/a/12/$3/99', null],
    ['o/12/$3/99', null],
    ['', null],
  ])('counts for just the session that it names: %j', (value, owner) => {
    expect(parseSessionMark(value, session)).toEqual(owner);
  });
});
