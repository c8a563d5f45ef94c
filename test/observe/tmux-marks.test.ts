/** A mark belongs to the very session it names: options that are inherited never pass. Measured on tmux 3.3a. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MARK_OPTION, PANE_OPTION, SPEC_OPTION, sessionMarkFormat } from '../../src/spec/session-mark.ts';
import { type PrivateTmux, privateTmux } from './private-tmux.ts';
import { sessionsOf, watched } from './tmux-ports.ts';

let own: PrivateTmux;
beforeEach(() => {
  own = privateTmux();
});
afterEach(() => {
  own.end();
});

const mark = (session: string, spec = 'abc', pane = '%0') =>
  own.tmux(
    'main',
    ...['set-option', '-F', '-t', `=${session}:`, MARK_OPTION, sessionMarkFormat('fleet', session)],
    ...[';', 'set-option', '-t', `=${session}:`, SPEC_OPTION, spec],
    ...[';', 'set-option', '-t', `=${session}:`, PANE_OPTION, pane],
  );
const start = (name: string) => own.tmux('main', 'new-session', '-d', '-s', name, 'sleep 600');
const marks = async (run = watched().run) =>
  Object.fromEntries((await sessionsOf({ base: own.base, run })).map((s) => [s.name, s.mark]));

const OURS = { owner: 'fleet', agent: 'ours', spec: 'abc', pane: '%0' };

describe('the mark of a session', () => {
  it('is told with the fingerprint and the pane beside it, in the one call', async () => {
    start('ours');
    start('foreign');
    mark('ours');
    const { run, ran } = watched();
    expect(await marks(run)).toEqual({ ours: OURS, foreign: null });
    expect(ran).toHaveLength(1);
  });

  it.each([['-g'], ['-gw'], ['-s']])('is neither lent nor hidden by an option set with %s', async (scope) => {
    start('ours');
    start('foreign');
    mark('ours');
    const copied = own.tmux('main', 'show-options', '-qv', '-t', '=ours:', MARK_OPTION).trim();
    for (const [option, value] of [
      [MARK_OPTION, copied],
      [SPEC_OPTION, 'inherited'],
      [PANE_OPTION, '%9'],
    ] as const) {
      own.tmux('main', 'set-option', scope, option, value);
    }
    const { run, ran } = watched();
    expect(await marks(run)).toEqual({ ours: OURS, foreign: null });
    expect(ran).toHaveLength(2);
  });

  it.each([['-g'], ['-gw'], ['-s']])('has no fingerprint but its own when one is set with %s', async (scope) => {
    start('ours');
    mark('ours');
    own.tmux('main', 'set-option', '-u', '-t', '=ours:', SPEC_OPTION);
    own.tmux('main', 'set-option', scope, SPEC_OPTION, 'inherited');
    expect(await marks()).toEqual({ ours: { ...OURS, spec: null } });
  });

  it('does not pass for another session, nor for one of an earlier server', async () => {
    start('ours');
    start('copy');
    mark('ours');
    const copied = own.tmux('main', 'show-options', '-qv', '-t', '=ours:', MARK_OPTION).trim();
    own.tmux('main', 'set-option', '-t', '=copy:', MARK_OPTION, copied);
    expect((await marks())['copy']).toBeNull();
    own.tmux('main', 'set-option', '-t', '=copy:', MARK_OPTION, copied.replace(/\/\d+\/\$0\//, '/1/$1/'));
    expect((await marks())['copy']).toBeNull();
  });

  it('stays with its session when that is renamed', async () => {
    start('ours');
    mark('ours');
    own.tmux('main', 'rename-session', '-t', '=ours', 'renamed');
    expect(await marks()).toEqual({ renamed: OURS });
  });
});
