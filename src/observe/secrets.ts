/** The secrets that the roster names by file: read once a look, for telling matches and for striking them out. */
import { secretValue } from '../spec/argv-file.ts';
import { expandHome } from '../spec/home.ts';
import { onceOf } from '../spec/kept.ts';
import type { AgentSpec } from '../spec/model.ts';
import { recordOf } from '../spec/record.ts';
import type { LastLook } from './last-look.ts';
import type { Masking } from './masking.ts';
import { type FileRead, readFileSafely } from './read-file.ts';
import type { FilesObserved, PathObserved, Source, UnknownCode } from './state.ts';

/** By path, as the roster writes it. */
export type ReadSecret = (path: string) => Source<string>;

const MAX_SECRET_BYTES = 64 * 1024;

export interface Secrets {
  /** Those of all agents, also of such as are not looked at: their values may be on anybody's screen. */
  readonly readAll: () => void;
  readonly of: ReadSecret;
  /** Whether the launcher can read those of these agents, never what is in them. */
  readonly files: (
    agents: readonly AgentSpec[],
    last: LastLook | undefined,
  ) => NonNullable<FilesObserved['secret_files']>;
}

interface SecretRead {
  readonly value: Source<string>;
  readonly file: PathObserved;
}

export function readSecrets(agents: readonly AgentSpec[], home: string, masking: Masking): Secrets {
  const read = new Map<string, SecretRead>();
  const look = (path: string): SecretRead => {
    const known = read.get(path) ?? readSecret(path, home);
    read.set(path, known);
    if (known.value.status === 'known') masking.learn(known.value.value);
    return known;
  };
  return {
    readAll: () => {
      for (const path of secretPaths(agents)) look(path);
    },
    of: (path) => look(path).value,
    files: (asked, last) => {
      const found = new Map<string, PathObserved>();
      for (const path of secretPaths(asked)) {
        const { file } = look(path);
        found.set(path, last?.path(`secret ${path}`, file) ?? file);
      }
      return last?.record('secret files', found) ?? recordOf(found);
    },
  };
}

/** Of agents of whom nobody changes anything: they are asked for again and again. */
export const secretPaths = onceOf((agents: readonly AgentSpec[]): readonly string[] => {
  const paths: string[] = [];
  for (const { env } of agents) {
    for (const value of Object.values(env)) if (value.kind === 'secret') paths.push(value.fromFile);
  }
  return paths;
});

/** As the launcher reads it: without the newlines at its end. Links are followed: secrets are often kept elsewhere. */
function readSecret(path: string, home: string): SecretRead {
  const rules = { maxBytes: MAX_SECRET_BYTES, owners: null, followsLink: true };
  const real = expandHome(path, home);
  const read = readFileSafely(real, rules);
  if (read.state === 'read') {
    const value = secretValue(read.bytes.toString('utf8'));
    return { value: { status: 'known', value }, file: { state: 'found', real } };
  }
  const why = read.state === 'absent' ? 'io' : read.why;
  return { value: unknown(why, `the secret's file ${path} cannot be read`), file: fileOf(read, real) };
}

function fileOf(read: Exclude<FileRead, { state: 'read' }>, real: string): PathObserved {
  if (read.state === 'absent') return { state: 'missing', detail: `there is no ${real}` };
  // The launcher takes a regular file, of any size.
  if (read.why === 'too-large') return { state: 'found', real };
  return read.why === 'not-regular' ? { state: 'missing', detail: read.detail } : read;
}

function unknown(why: UnknownCode, detail: string): Source<string> {
  return { status: 'unknown', why, detail };
}
