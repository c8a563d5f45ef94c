/**
 * One question to one tmux server: a script on the client's standard input, so that one child answers any number of
 * questions, whatever their length (arguments end at 16 KB), and what is asked is not on a world-readable command line.
 */
import type { LastLook } from '../last-look.ts';
import type { RunProgram, RunResult } from '../run.ts';
import type { Unknown, UnknownCode } from '../state.ts';

export interface TmuxPorts {
  readonly run: RunProgram;
  readonly delay: (ms: number) => Promise<void>;
  /** Of one that looks again and again. */
  readonly lastLook?: LastLook | undefined;
}

export interface ServerAddress {
  /** NAME of `tmux -L NAME`; `default` for the default server. */
  readonly socket: string;
  /** Absolute path of its socket. */
  readonly path: string;
  /** TMUX_TMPDIR for the client. */
  readonly base: string;
}

export type TmuxAnswer =
  | { readonly kind: 'answer'; readonly stdout: string }
  /** tmux said so in its own words, for this very path. */
  | { readonly kind: 'said-absent'; readonly detail: string }
  | { readonly kind: 'unknown'; readonly unknown: Unknown };

/** After "server exited unexpectedly" and "lost server" a new server may be up within milliseconds. */
const RETRY_AFTER_MS = 100;

/**
 * `script` is in tmux's configuration syntax. Commands that fail do not stop those after them; `complete` tells by the
 * output whether all of it ran. Asked once more where the server ended meanwhile.
 */
export async function askTmux(
  address: ServerAddress,
  script: string,
  complete: (stdout: string) => boolean,
  deadlineMs: number,
  ports: TmuxPorts,
): Promise<TmuxAnswer> {
  const ask = async () => {
    const args = ['-u', '-N', '-L', address.socket, 'source-file', '-'];
    const result = await ports.run('tmux', args, { deadlineMs, input: script, env: { TMUX_TMPDIR: address.base } });
    return readAnswer(result, address.path, complete);
  };
  const first = await ask();
  if (first.kind !== 'ended') return first;
  await ports.delay(RETRY_AFTER_MS);
  const second = await ask();
  return second.kind === 'ended' ? unknown('io', `${second.detail}, twice`) : second;
}

/** `ended`: the server went away while it was asked. */
export function readAnswer(
  result: RunResult,
  path: string,
  complete: (stdout: string) => boolean,
): TmuxAnswer | { readonly kind: 'ended'; readonly detail: string } {
  if (result.kind === 'failed') return unknown(result.why, result.detail);
  if (complete(result.stdout)) return { kind: 'answer', stdout: result.stdout };
  const lines = result.stderr.split('\n').filter((line) => line !== '');
  const said = lines.at(-1) ?? '';
  if (result.code === 0) {
    // "access not allowed" exits 0 with nothing on standard output (measured on tmux 3.3a).
    if (result.stdout === '')
      return unknown('denied', `tmux exits 0 and says nothing: ${said || 'access not allowed'}`);
    return unknown('garbage', `tmux's answer is not whole: ${excerpt(result.stdout)}`);
  }
  if (result.code === 1 && isAbsence(said, path)) return { kind: 'said-absent', detail: said };
  if (/^(lost server|server exited|\[?server exited|\[?lost server)/.test(said)) return { kind: 'ended', detail: said };
  if (/protocol version mismatch/.test(said)) return unknown('protocol', said);
  if (/Permission denied|access not allowed|unsafe permissions/.test(said)) return unknown('denied', said);
  const how = result.code === null ? `signal ${result.signal}` : `exit ${result.code}`;
  return unknown('garbage', `tmux ended with ${how}: ${excerpt(said || result.stdout) || 'nothing said'}`);
}

/** The two texts of tmux 3.3a, to the letter. Anything else with the same exit code is no absence. */
function isAbsence(said: string, path: string): boolean {
  return said === `no server running on ${path}` || said === `error connecting to ${path} (No such file or directory)`;
}

function unknown(why: UnknownCode, detail: string): { readonly kind: 'unknown'; readonly unknown: Unknown } {
  return { kind: 'unknown', unknown: { status: 'unknown', why, detail } };
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text).slice(1, -1);
}
