import { describe, expect, test } from 'vitest';
import { recognise } from '../../src/observe/proc/recognise.ts';
import { BUILT_IN_RUNTIMES } from '../../src/spec/runtimes.ts';
import { recordedPanes, recordedWorld } from './pane-world.ts';

const PANES = recordedPanes();

describe('each recorded pane is told right', () => {
  test('there are 130 of them', () => expect(PANES).toHaveLength(130));

  test.each(PANES.map((pane) => [`${pane.label}: ${pane.style}`, pane] as const))('%s', (_, recorded) => {
    const { pane, table, details, paths } = recordedWorld(recorded);
    const runs = recognise(pane, table, details, paths, BUILT_IN_RUNTIMES, '/home/u');
    expect({
      verdict: runs.verdict,
      ...(runs.verdict === 'runtime' ? { runtime: runs.runtime } : {}),
    }).toEqual(recorded.expect);
    // Nothing here was found by a name alone.
    if (runs.verdict === 'runtime') expect(runs.strength).not.toBe('weak');
  });

  test('what tmux shows does not matter: the answers stay when title and command name another agent', () => {
    const changed = PANES.filter((recorded) => {
      const { pane, table, details, paths } = recordedWorld(recorded);
      const lying = { ...pane, title: '✳ Claude Code', current_command: 'claude' };
      const told = recognise(lying, table, details, paths, BUILT_IN_RUNTIMES, '/home/u');
      return (
        JSON.stringify(told) !== JSON.stringify(recognise(pane, table, details, paths, BUILT_IN_RUNTIMES, '/home/u'))
      );
    });
    expect(changed).toEqual([]);
  });
});
