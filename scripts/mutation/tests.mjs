/**
 * What the tables of tests use of vitest, with vitest's own assertions, so that they run many times over in one process:
 * in place of `vitest` in the bundle that runner.mjs makes. Each test is noted, and run by whoever asks.
 */

import { format } from 'node:util';
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  getState,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

export const expect = (value, message) => chai.expect(value, message);
Object.assign(expect, chai.expect, globalThis[ASYMMETRIC_MATCHERS_OBJECT]);
expect.getState = () => getState(expect);
setState({ assertionCalls: 0 }, expect);

/** Of all files that were evaluated, in order: `{ id, file, run }`. */
export const tests = [];
let file = '';
let path = [];
let hooks = [];

/** The tests that are noted from now on are of this file. `name`: from the root of the repository. */
export function startFile(name) {
  file = name;
  path = [];
  hooks = [];
}

export function describe(name, body) {
  const outer = { path, hooks };
  path = [...path, name];
  body();
  ({ path, hooks } = outer);
}

export function test(name, body) {
  const id = `${file}#${[...path, name].join(' > ')}#${tests.length}`;
  const own = { file, hooks };
  tests.push({ id, file, run: () => runOne(own, body) });
}

test.each = eachOf(test);
describe.each = eachOf(describe);

function eachOf(one) {
  return (rows) => (name, body) => {
    rows.forEach((row, i) => {
      const given = Array.isArray(row) ? row : [row];
      one(`${format(name.replaceAll('%$', '%'), ...given)} [${i}]`, () => body(...given));
    });
  };
}

export function beforeEach(run) {
  hooks = [...hooks, { before: run }];
}

export function afterEach(run) {
  hooks = [...hooks, { after: run }];
}

async function runOne(own, body) {
  setState({ testPath: `/${own.file}` }, expect);
  for (const { before } of own.hooks) await before?.();
  try {
    await body();
  } finally {
    for (const { after } of [...own.hooks].reverse()) await after?.();
  }
}
