/** The secrets that the roster names by file: read once a look, for telling matches and for striking them out. */
import { secretValue } from '../spec/argv-file.ts';
import { expandHome } from '../spec/home.ts';
import type { AgentSpec } from '../spec/model.ts';
import type { Masking } from './masking.ts';
import { readFileSafely } from './read-file.ts';
import type { Source } from './state.ts';

/** By path, as the roster writes it. */
export type ReadSecret = (path: string) => Source<string>;

const MAX_SECRET_BYTES = 64 * 1024;

export interface Secrets {
  /** Those of all agents, also of such as are not looked at: their values may be on anybody's screen. */
  readonly readAll: () => void;
  readonly of: ReadSecret;
}

export function readSecrets(agents: readonly AgentSpec[], home: string, masking: Masking): Secrets {
  const read = new Map<string, Source<string>>();
  const of: ReadSecret = (path) => {
    const known = read.get(path) ?? readSecret(path, home);
    read.set(path, known);
    if (known.status === 'known') masking.learn(known.value);
    return known;
  };
  const readAll = (): void => {
    const values = agents.flatMap((agent) => Object.values(agent.env));
    for (const value of values) if (value.kind === 'secret') of(value.fromFile);
  };
  return { readAll, of };
}

/** As the launcher reads it: without the newlines at its end. Links are followed: secrets are often kept elsewhere. */
function readSecret(path: string, home: string): Source<string> {
  const rules = { maxBytes: MAX_SECRET_BYTES, owners: null, followsLink: true };
  const read = readFileSafely(expandHome(path, home), rules);
  if (read.state === 'read') return { status: 'known', value: secretValue(read.bytes.toString('utf8')) };
  const why = read.state === 'absent' ? 'io' : read.why;
  return { status: 'unknown', why, detail: `the secret's file ${path} cannot be read` };
}
