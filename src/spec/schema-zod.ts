/**
 * The building blocks of the roster's schema as zod says them: what a value that does not fit is told by, and what the
 * JSON Schema is made from. The build loads this file, and zod with it, when one of these is first called: nothing
 * but functions may be exported here, and most commands on a sound roster call none of them.
 */
import * as z from 'zod/mini';
import type { ExpectationId } from './expectations.ts';

export type Schema = z.core.$ZodType;
export type SchemaIssue = z.core.$ZodIssue;

/** Nobody shows `reason`'s message: each check names its expectation, from which the words are made. */
export const zodText = (
  expected: ExpectationId,
  pattern: RegExp | null,
  accepts: ((text: string) => boolean) | null,
) => {
  const text = z.string(expected);
  const shaped = pattern === null ? text : text.check(z.regex(pattern, expected));
  return accepts === null ? shaped : shaped.check(z.refine(accepts, expected));
};

export const zodFlag = () => z.boolean('boolean');

export const zodLiteral = <const T extends string | number>(value: T, expected: ExpectationId) =>
  z.literal(value, expected);

export const zodChoice = <const T extends readonly string[]>(values: T) => z.enum(values);

export const zodInteger = (expected: ExpectationId, least: number, most: number) =>
  z.int(expected).check(z.gte(least, expected), z.lte(most, expected));

export const zodList = <T extends Schema>(expected: ExpectationId, item: T, least: number) => {
  const list = z.array(item, expected);
  return least === 0 ? list : list.check(z.minLength(least, expected));
};

export const zodArgv = (isProgram: (word: string) => boolean) =>
  zodList('argv', z.string('argument'), 1).check(
    z.refine(([first]) => first === undefined || isProgram(first), { error: 'program', path: [0] }),
  );

export const zodUnion = <A extends Schema, B extends Schema>(a: A, b: B, expected: ExpectationId) =>
  z.union([a, b], expected);

export const zodRecord = <K extends z.core.$ZodRecordKey, V extends Schema>(key: K, value: V) =>
  z.record(key, value, 'mapping');

export const zodAnyMapping = () => z.record(z.string(), z.unknown(), 'mapping');

export const zodOptional = <T extends Schema>(inner: T) => z.optional(inner);

export const zodMapping = <T extends z.core.$ZodLooseShape>(
  shape: T,
  documented: readonly string[],
  expected: ExpectationId,
) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? documented.join(' ') : expected),
  });

/** What does not fit; none where all does. */
export function issuesOf(schema: Schema, data: unknown): readonly SchemaIssue[] {
  const result = z.safeParse(schema, data);
  return result.success ? [] : result.error.issues;
}

/** Draft-07; `patterned` is shown with a pattern that it does not check itself. */
export function zodJsonSchema(schema: Schema, patterned: Schema, pattern: RegExp): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === patterned) jsonSchema.pattern = pattern.source;
    },
  });
}
