/**
 * The roster of a branch, as it was committed: whatever lies in the checkout's files. Only commits that descend from the
 * one in force count, so that neither a forced push nor a reset can take back what was reviewed.
 */
import { basename, dirname, join } from 'node:path';
import type { RunProgram } from '../../observe/run.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { MAX_ROSTER_BYTES, parseRoster } from '../../spec/roster.ts';
import { invalid, type ReadRoster, type RosterRead, type RosterVersion } from './candidate.ts';

const DEADLINE_MS = 10_000;
const ENV = { LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', GIT_NO_REPLACE_OBJECTS: '1' };

/** Exit code and output of git in the roster's directory; the error is its own words. */
type Git = (
  ...args: readonly string[]
) => Promise<{ readonly code: number | null; readonly out: string; readonly said: string }>;

function gitIn(directory: string, run: RunProgram): Git {
  return async (...args) => {
    const options = { deadlineMs: DEADLINE_MS, env: ENV, maxOutputBytes: 4 * MAX_ROSTER_BYTES };
    const ran = await run('git', ['-C', directory, ...args], options);
    if (ran.kind === 'failed') return { code: null, out: '', said: ran.detail };
    return { code: ran.code, out: ran.stdout, said: ran.stderr.trim() };
  };
}

/** `path` is the roster's file in the checkout, absolute; `ref` begins with no dash. `acceptedIn` is named where a person wants another history. */
export function gitRoster(path: string, ref: string, run: RunProgram, acceptedIn: string): ReadRoster {
  const git = gitIn(dirname(path), run);
  return async (inForce): Promise<RosterRead> => {
    const head = await git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`);
    if (head.code !== 0) return failed(`${ref} in ${dirname(path)}: ${head.said || 'there is no such branch'}`);
    const commit = head.out.trim();
    if (inForce?.commit === commit) return { state: 'same' };
    const follows = await descends(git, inForce, commit);
    if (!follows.ok) return failed(follows.error);
    if (!follows.value) return notDescended(ref, commit, inForce?.commit ?? '', acceptedIn);
    return readAt(git, path, commit);
  };
}

async function descends(git: Git, inForce: RosterVersion | null, commit: string): Promise<Result<boolean, string>> {
  if (inForce === null || inForce.commit === null) return ok(true);
  const asked = await git('merge-base', '--is-ancestor', inForce.commit, commit);
  if (asked.code === 0) return ok(true);
  if (asked.code === 1) return ok(false);
  // The commit in force is not there any more: thrown away after a forced push, and surely no ancestor.
  const known = await git('cat-file', '-e', `${inForce.commit}^{commit}`);
  return known.code === 0 ? err(asked.said) : ok(false);
}

async function readAt(git: Git, path: string, commit: string): Promise<RosterRead> {
  const prefix = await git('rev-parse', '--show-prefix');
  if (prefix.code !== 0) return failed(prefix.said);
  const inside = `${prefix.out.trim()}${basename(path)}`;
  const shown = await git('show', `${commit}:${inside}`);
  const label = `${path}@${commit.slice(0, 12)}`;
  if (shown.code !== 0) {
    return {
      state: 'refused',
      code: 'missing',
      message: `${label}: ${shown.said}`,
      remedy: `commit ${inside} on that branch`,
    };
  }
  const parsed = parseRoster(Buffer.from(shown.out, 'utf8'), label);
  if (!parsed.ok) return invalid(parsed.error);
  return { state: 'read', version: { roster: parsed.value, text: shown.out, commit } };
}

function failed(message: string): RosterRead {
  return { state: 'refused', code: 'unreadable', message, remedy: 'try it by hand: git rev-parse REF' };
}

function notDescended(ref: string, commit: string, inForce: string, acceptedIn: string): RosterRead {
  const short = (hash: string): string => hash.slice(0, 12);
  return {
    state: 'refused',
    code: 'not-descendant',
    message: `${ref} is at ${short(commit)}, which does not descend from ${short(inForce)} in force: history was rewritten`,
    remedy: `look at: git diff ${short(inForce)} ${short(commit)}; to accept it: rm ${acceptedIn}, then reload (SIGHUP)`,
  };
}

/** What changes when the branch moves, to be watched: its ref, and where refs are packed. Null: this is no checkout. */
export async function refFiles(path: string, ref: string, run: RunProgram): Promise<readonly string[] | null> {
  const git = gitIn(dirname(path), run);
  const common = await git('rev-parse', '--path-format=absolute', '--git-common-dir');
  if (common.code !== 0) return null;
  const full = await git('rev-parse', '--symbolic-full-name', ref);
  const directory = common.out.trim();
  const name = full.out.trim().split('\n').at(-1) ?? '';
  const own = name.startsWith('refs/') ? [join(directory, name)] : [];
  return [...own, join(directory, 'packed-refs')];
}
