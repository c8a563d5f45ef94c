/**
 * Which commit the roster is of, and whether it differs from what that commit holds. Asked of git in one call, beside
 * the look at the host. What cannot be told is null.
 */
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Plan } from '../diff/plan.ts';
import { nodeModule } from '../spec/node-own.ts';
import { sha256 } from '../spec/sha256.ts';
import type { Context } from './context.ts';

export type RosterCommit = Pick<Plan['roster'], 'commit' | 'dirty'>;

export interface RosterFacts extends RosterCommit {
  /** Hex SHA-256 of the bytes that this is said of; null: of whatever the file holds. */
  readonly of: string | null;
}

/** Milliseconds. */
const DEADLINE_MS = 3_000;
const NO_CHECKOUT: RosterFacts = { commit: null, dirty: false, of: null };
const UNTOLD: RosterFacts = { commit: null, dirty: null, of: null };

type Ports = Pick<Context, 'run' | 'env' | 'user' | 'files'>;

/** `path`: absolute. */
export async function rosterFacts(path: string, context: Ports): Promise<RosterFacts> {
  const real = realPath(path);
  if (real === null) return UNTOLD;
  if (!inCheckout(dirname(real))) return NO_CHECKOUT;
  // One a line is asked: HEAD again at the end, since it may move between two answers.
  const name = basename(real);
  if (name.includes('\n')) return UNTOLD;
  const { env, user } = context;
  // Nothing of the caller's environment: GIT_DIR and its like would make git speak of another repository.
  const clean = [
    '-i',
    `PATH=${env['PATH'] ?? '/usr/bin:/bin'}`,
    `HOME=${user.home}`,
    'LC_ALL=C',
    'GIT_NO_LAZY_FETCH=1',
  ];
  const git = ['git', '-C', dirname(real), 'cat-file', '--batch-check'];
  const input = `HEAD\nHEAD:./${name}\nHEAD\n`;
  const asked = await context.run('env', [...clean, ...git], { deadlineMs: DEADLINE_MS, input });
  if (asked.kind !== 'exited' || asked.code !== 0) return UNTOLD;
  return judge(asked.stdout, real, context);
}

/** Facts about other bytes than those that were planned with say nothing. */
export function commitOf({ commit, dirty, of }: RosterFacts, rosterSha256: string): RosterCommit {
  return of === null || of === rosterSha256 ? { commit, dirty } : { commit: null, dirty: null };
}

function judge(answer: string, path: string, { files }: Ports): RosterFacts {
  const [first = '', held = '', last] = answer.split('\n');
  const commit = /^([0-9a-f]{40,64}) commit \d+$/.exec(first)?.[1];
  if (commit === undefined || first !== last) return UNTOLD;
  if (held.endsWith(' missing')) return { commit, dirty: true, of: null };
  const blob = /^([0-9a-f]{40,64}) blob \d+$/.exec(held)?.[1];
  const file = files.read(path);
  if (blob === undefined || file.state !== 'present') return UNTOLD;
  return { commit, dirty: blobId(Buffer.from(file.content), blob.length) !== blob, of: file.sha256 };
}

/** Repositories name by SHA-1 (40 digits) or by SHA-256. */
function blobId(bytes: Uint8Array, digits: number): string {
  const whole = Buffer.concat([Buffer.from(`blob ${bytes.length}\0`), bytes]);
  return digits === 64 ? sha256(whole) : nodeModule('node:crypto').createHash('sha1').update(whole).digest('hex');
}

/** Spares the call where no directory above holds a `.git`, which in a worktree is a file. */
function inCheckout(directory: string): boolean {
  if (statSync(join(directory, '.git'), { throwIfNoEntry: false }) !== undefined) return true;
  return dirname(directory) !== directory && inCheckout(dirname(directory));
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
