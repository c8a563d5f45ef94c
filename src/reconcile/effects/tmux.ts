/** tmux, for effects: always an explicit socket, never a server of its own (`-N`), UTF-8. */
import type { RunResult } from '../../observe/run.ts';
import type { ApplyPorts } from '../ports.ts';

/** A stopped server hangs every client. Milliseconds. */
const DEADLINE_MS = 5_000;

/** All that a call of tmux needs of a context. */
export interface RunContext {
  readonly ports: Pick<ApplyPorts, 'run'>;
}

/** `socket`: as in addresses, `default` for the default server. */
export function tmux(ctx: RunContext, socket: string, args: readonly string[]): Promise<RunResult> {
  return ctx.ports.run('tmux', ['-u', '-N', '-L', socket, ...args], { deadlineMs: DEADLINE_MS });
}

/**
 * The last lines with anything on them of a pane, dead ones included; empty where it cannot be read. From its history
 * on: to write "Pane is dead" tmux scrolls what was said before off the screen (measured on tmux 3.3a). Lines that the
 * pane's width broke are joined again (-J): a secret in two pieces could not be struck out.
 */
export async function lastLines(ctx: RunContext, socket: string, pane: string): Promise<readonly string[]> {
  const screen = await tmux(ctx, socket, ['capture-pane', '-p', '-J', '-S', '-50', '-t', pane]);
  if (screen.kind === 'failed' || screen.code !== 0) return [];
  return screen.stdout
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !line.startsWith('Pane is dead'))
    .slice(-10);
}
