import { afterAll, afterEach, expect, test } from 'vitest';
import { watchTerminals } from '../../../src/observe/watch/terminals.ts';
import { privateTmux } from '../private-tmux.ts';
import { listen, until } from './world.ts';

const tmux = privateTmux();
afterAll(() => tmux.end());
let stop = (): void => {};
afterEach(() => stop());

function start(session: string, ...command: readonly string[]): { tty: string; pid: number } {
  tmux.tmux('watch', 'new-session', '-d', '-s', session, ...command);
  const shown = tmux.tmux('watch', 'display-message', '-p', '-t', `=${session}:`, '#{pane_tty} #{pane_pid}');
  const [tty = '', pid = ''] = shown.trim().split(' ');
  return { tty, pid: Number(pid) };
}

function watch() {
  const heard = listen();
  stop = watchTerminals(heard).close;
  expect(heard.states).toEqual([{ source: 'terminals', live: true, detail: null }]);
  return heard;
}

test('the end of a pane program is told by its terminal', async () => {
  start('keeper', 'sleep', '1000');
  const { tty, pid } = start('victim', 'sleep', '1000');
  const heard = watch();
  process.kill(pid, 'SIGKILL');
  await until('told', () => heard.triggers.some((t) => t.on === 'terminal' && t.path === tty));
});

test('the end of a program whose dead pane is kept is told too', async () => {
  start('keeper2', 'sleep', '1000');
  tmux.tmux('watch', 'set-option', '-w', '-t', '=keeper2:', 'remain-on-exit', 'on');
  const heard = watch();
  const pane = tmux
    .tmux('watch', 'display-message', '-p', '-t', '=keeper2:', '#{pane_tty} #{pane_pid}')
    .trim()
    .split(' ');
  process.kill(Number(pane[1]), 'SIGKILL');
  await until('told', () => heard.triggers.some((t) => t.on === 'terminal' && t.path === pane[0]));
});

test('what programs write to their terminals is no event', async () => {
  start('noisy', 'sh', '-c', 'while :; do echo noise; sleep 0.01; done');
  const { tty: quiet, pid } = start('quiet', 'sleep', '1000');
  const heard = watch();
  // Until it has written for a while, by its own count.
  const written = (): number => Number(tmux.tmux('watch', 'display-message', '-p', '-t', '=noisy:', '#{history_size}'));
  const before = written();
  await until('it wrote 50 lines', () => written() > before + 50);
  process.kill(pid, 'SIGKILL');
  await until('told of the quiet one', () => heard.triggers.some((t) => t.on === 'terminal' && t.path === quiet));
  const noisy = tmux.tmux('watch', 'display-message', '-p', '-t', '=noisy:', '#{pane_tty}').trim();
  expect(heard.triggers.filter((t) => t.on === 'terminal' && t.path === noisy)).toEqual([]);
});

test('watching leaves the server as it was: no client, no size, no hook', () => {
  start('plain', 'sleep', '1000');
  const seen = (): string =>
    tmux.tmux('watch', 'list-sessions', '-F', '#{session_name} #{session_attached} #{window_width}x#{window_height}') +
    tmux.tmux('watch', 'show-hooks', '-g') +
    tmux.tmux('watch', 'list-clients');
  const before = seen();
  watch();
  expect(seen()).toBe(before);
});

test('says what it lacks where terminals are elsewhere', () => {
  const heard = listen();
  stop = watchTerminals(heard, '/nowhere/pts').close;
  expect(heard.states).toEqual([{ source: 'terminals', live: false, detail: '/nowhere/pts does not exist' }]);
});
