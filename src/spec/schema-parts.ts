/** The building blocks of the roster's schema. Each names its expectation (expectations.ts) as zod's error message. */
import * as z from 'zod/mini';
import { parseDuration } from './duration.ts';
import type { ExpectationId } from './expectations.ts';

/** Text that fits `pattern`. */
export const text = (expected: ExpectationId, pattern: RegExp) => z.string(expected).check(z.regex(pattern, expected));

export const choice = <const T extends readonly string[]>(values: T) => z.enum(values);

export const integer = (expected: ExpectationId, least: number, most: number) =>
  z.int(expected).check(z.gte(least, expected), z.lte(most, expected));

export const list = <T extends z.core.$ZodType>(expected: ExpectationId, item: T) => z.array(item, expected);

/**
 * A mapping of these keys and no others. For unknown keys the message is the list of the documented ones (snake case),
 * for anything else the expectation.
 */
export function mapping<T extends z.core.$ZodLooseShape>(shape: T, expected: ExpectationId = 'mapping') {
  const documented = Object.keys(shape).filter((key) => !/[A-Z]/.test(key));
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? documented.join(' ') : expected),
  });
}

export const record = <V extends z.core.$ZodType>(key: z.core.$ZodRecordKey, value: V) =>
  z.record(key, value, 'mapping');

// --- patterns -----------------------------------------------------------------------------------------------------
// \p{Cc} are the control characters, line ends included; a path or a name with one is never meant.

export const AGENT_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
export const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;
export const TENANT_NAME = /^[a-z0-9_][a-z0-9_-]{0,31}$/;

/** Its pattern is checked with the whole roster at hand (checks-names.ts), which knows a free name to suggest. */
export const agentName = z.string('agentName');
export const line = text('line', /^\P{Cc}+$/u);
export const directory = text('directory', /^(?:~|~\/\P{Cc}*|\/\P{Cc}*)$/u);
export const file = text('file', /^~?\/\P{Cc}+$/u);
export const socket = text('socket', /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$/);
export const hostName = text('hostName', HOST_NAME);
/** Nothing that ssh could take for an option (`-oProxyCommand=…`), and nothing that a ProxyCommand's shell would expand. */
export const ssh = text(
  'ssh',
  /^(?:ssh:\/\/)?(?:[A-Za-z0-9_][A-Za-z0-9_.+-]*@)?(?:[A-Za-z0-9_][A-Za-z0-9_.:-]*|\[[0-9A-Fa-f:.]+\](?::[0-9]+)?)$/,
);
export const tenantName = text('tenantName', TENANT_NAME);
export const user = text('user', /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/);
export const runtimeName = text('runtimeName', /^[a-z0-9][a-z0-9_.-]{0,62}$/);
export const variable = text('variable', /^[A-Za-z_][A-Za-z0-9_]*$/);

const DURATION = /^[0-9]{1,9}(?:\.[0-9]{1,3})?(?:ms|s|m|h|d)$/;
export const duration = text('duration', DURATION).check(z.refine((t) => parseDuration(t) !== null, 'duration'));
export const interval = text('interval', DURATION).check(z.refine((t) => (parseDuration(t) ?? 0) > 0, 'interval'));

/** Program first; a name for PATH, or a path that does not depend on where the agent starts. */
export const command = z.array(z.string('argument'), 'argv').check(
  z.minLength(1, 'argv'),
  z.refine(([first]) => first === undefined || isProgram(first), { error: 'program', path: [0] }),
);

const isProgram = (word: string): boolean => /^(?:[^/~\p{Cc}-][^/\p{Cc}]*|~?\/\P{Cc}*[^/\p{Cc}])$/u.test(word);

const oneOrMore = (item: z.core.$ZodType<string, string>) =>
  z.union([item, z.array(item, 'matchNames').check(z.minLength(1, 'matchNames'))], 'matchNames');
export const matchNames = oneOrMore(text('matchName', /^(?:[^/~\p{Cc}][^/\p{Cc}]*|~?\/\P{Cc}+)$/u));
export const packageNames = oneOrMore(text('packageName', /^(?:@[a-z0-9._~-]+\/)?[A-Za-z0-9._~-]+$/));
