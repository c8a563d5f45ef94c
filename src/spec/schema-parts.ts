/**
 * The building blocks of the roster's schema. Each is said twice, side by side: as the test that a sound value passes,
 * and as the zod schema that tells what is wrong with any other, which is only made when it is asked for. Making all of
 * them, and loading zod, takes a third as long as Node takes to start. test/spec/roster-schema.test.ts holds the two together.
 */
import { parseDuration } from './duration.ts';
import type { ExpectationId } from './expectations.ts';
import {
  type Schema,
  zodAnyMapping,
  zodArgv,
  zodChoice,
  zodFlag,
  zodInteger,
  zodList,
  zodLiteral,
  zodMapping,
  zodOptional,
  zodRecord,
  zodText,
  zodUnion,
} from './schema-zod.ts';

export interface Part<S extends Schema = Schema> {
  /** Whether the schema takes this value. Undefined and prototypes apart, which YAML does not make. */
  readonly fits: (value: unknown) => boolean;
  /** The same object each time. */
  readonly schema: () => S;
  readonly isOptional: boolean;
}

type SchemaOf<P extends Part> = ReturnType<P['schema']>;

function part<S extends Schema>(fits: Part['fits'], make: () => S, isOptional = false): Part<S> {
  let made: S | null = null;
  const schema = (): S => {
    made ??= make();
    return made;
  };
  return { fits, schema, isOptional };
}

/** Text that fits `pattern` and that `accepts` takes; each null: any. */
export const text = (
  expected: ExpectationId,
  pattern: RegExp | null = null,
  accepts: ((text: string) => boolean) | null = null,
) =>
  part(
    (v) => typeof v === 'string' && (pattern === null || pattern.test(v)) && (accepts === null || accepts(v)),
    () => zodText(expected, pattern, accepts),
  );

export const flag = part(
  (v) => typeof v === 'boolean',
  () => zodFlag(),
);

export const literal = <const T extends string | number>(value: T, expected: ExpectationId) =>
  part(
    (v) => v === value,
    () => zodLiteral(value, expected),
  );

export const choice = <const T extends readonly string[]>(values: T) =>
  part(
    (v) => typeof v === 'string' && values.includes(v),
    () => zodChoice(values),
  );

export const integer = (expected: ExpectationId, least: number, most: number) =>
  part(
    (v) => typeof v === 'number' && Number.isSafeInteger(v) && v >= least && v <= most,
    () => zodInteger(expected, least, most),
  );

export const list = <S extends Schema>(expected: ExpectationId, item: Part<S>, least = 0) =>
  part(
    (v) => Array.isArray(v) && v.length >= least && v.every(item.fits),
    () => zodList(expected, item.schema(), least),
  );

export const union = <A extends Schema, B extends Schema>(a: Part<A>, b: Part<B>, expected: ExpectationId) =>
  part(
    (v) => a.fits(v) || b.fits(v),
    () => zodUnion(a.schema(), b.schema(), expected),
  );

export const maybe = <S extends Schema>(inner: Part<S>) => part(inner.fits, () => zodOptional(inner.schema()), true);

/**
 * A mapping of these keys and no others. For unknown keys the message is the list of the documented ones (snake case),
 * for anything else the expectation.
 */
export function mapping<P extends Readonly<Record<string, Part>>>(parts: P, expected: ExpectationId = 'mapping') {
  const required = Object.keys(parts).filter((key) => parts[key]?.isOptional === false);
  const fits = (value: unknown): boolean =>
    isMapping(value) &&
    required.every((key) => Object.hasOwn(value, key)) &&
    Object.keys(value).every((key) => Object.hasOwn(parts, key) && parts[key]?.fits(value[key]) === true);
  return part(fits, () => {
    const documented = Object.keys(parts).filter((key) => !/[A-Z]/.test(key));
    return zodMapping(schemasOf(parts), documented, expected);
  });
}

const schemasOf = <P extends Readonly<Record<string, Part>>>(parts: P) =>
  // The same keys: Object.fromEntries alone forgets them.
  Object.fromEntries(Object.entries(parts).map(([key, p]) => [key, p.schema()])) as {
    -readonly [K in keyof P]: SchemaOf<P[K]>;
  };

export const record = <K extends ReturnType<typeof text>, S extends Schema>(key: K, value: Part<S>) =>
  part(
    (v) => isMapping(v) && Object.keys(v).every((name) => key.fits(name) && value.fits(v[name])),
    () => zodRecord(key.schema(), value.schema()),
  );

/** Of anything: no part of it is looked at. */
export const anyMapping = part(
  (v) => isMapping(v),
  () => zodAnyMapping(),
);

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

// --- patterns -----------------------------------------------------------------------------------------------------
/** The control characters, line ends included: a path or a name with one is never meant. \p{Cc} takes V8 ten times as long. */
const CC = '\\x00-\\x1f\\x7f-\\x9f';

export const AGENT_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
export const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;
export const TENANT_NAME = /^[a-z0-9_][a-z0-9_-]{0,31}$/;

/** Its pattern is checked with the whole roster at hand (checks-names.ts), which knows a free name to suggest. */
export const agentName = text('agentName');
export const pointer = text('pointer', new RegExp(`^(?:/(?:[^~${CC}]|~0|~1)*)?$`));
export const line = text('line', new RegExp(`^[^${CC}]+$`));
export const directory = text('directory', new RegExp(`^(?:~|~/[^${CC}]*|/[^${CC}]*)$`));
export const file = text('file', new RegExp(`^~?/[^${CC}]+$`));
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
export const duration = text('duration', DURATION, (t) => parseDuration(t) !== null);
export const interval = text('interval', DURATION, (t) => (parseDuration(t) ?? 0) > 0);

const PROGRAM = new RegExp(`^(?:[^/~${CC}-][^/${CC}]*|~?/[^${CC}]*[^/${CC}])$`);
const isProgram = (word: unknown): boolean => typeof word === 'string' && PROGRAM.test(word);

/** Program first; a name for PATH, or a path that does not depend on where the agent starts. */
export const command = part(
  (v) => Array.isArray(v) && isProgram(v[0]) && v.every((word) => typeof word === 'string'),
  () => zodArgv(isProgram),
);

const oneOrMore = (item: ReturnType<typeof text>) => union(item, list('matchNames', item, 1), 'matchNames');
export const matchNames = oneOrMore(text('matchName', new RegExp(`^(?:[^/~${CC}][^/${CC}]*|~?/[^${CC}]+)$`)));
export const packageNames = oneOrMore(text('packageName', /^(?:@[a-z0-9._~-]+\/)?[A-Za-z0-9._~-]+$/));
