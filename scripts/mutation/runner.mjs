/**
 * A test runner for Stryker that keeps the tests in one process: all of them in one bundle, evaluated once, and then for
 * each change just the tests that reach it. vitest's own runner loads every module again for each change, which takes
 * longer by far than the tests. A change of what is evaluated once (a constant of a module) gets an evaluation of its own.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { build } from 'esbuild';

/** Where Stryker's instrumented code looks for which change is in force. */
const NAMESPACE = '__stryker__';
const VITEST = join(dirname(fileURLToPath(import.meta.url)), 'tests.mjs');

class InProcessRunner {
  static inject = ['options'];
  #files;
  #state;
  #script;
  #loaded = null;
  /** Ids of tests, the last to have failed first: what noticed one change often notices the next. */
  #keen = [];

  constructor(options) {
    this.#files = options.inProcess.files.flatMap(filesOf);
    this.#state = globalThis[NAMESPACE] ??= {};
  }

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    const lines = this.#files.map((f) => `startFile(${JSON.stringify(f)}); require(${JSON.stringify(`./${f}`)});`);
    const entry = `import { startFile, tests } from 'vitest';\n${lines.join('\n')}\nmodule.exports = tests;`;
    const bundled = await build({
      stdin: { contents: entry, resolveDir: process.cwd(), sourcefile: 'every-test.js' },
      ...{ bundle: true, write: false, platform: 'node', target: 'node20', format: 'cjs', packages: 'external' },
      plugins: [{ name: 'as-tests', setup: asTests }],
      logLevel: 'error',
    });
    this.#script = new Script(`(require, module) => {${bundled.outputFiles[0].text}\n}`);
  }

  async dryRun() {
    this.#state.activeMutant = undefined;
    this.#state.mutantCoverage = { static: {}, perTest: {} };
    const found = [];
    for (const test of this.#load()) {
      this.#state.currentTestId = test.id;
      found.push(await outcomeOf(test));
    }
    this.#state.currentTestId = undefined;
    return { status: 'complete', tests: found, mutantCoverage: this.#state.mutantCoverage };
  }

  async mutantRun({ activeMutant, mutantActivation, testFilter, hitLimit, disableBail }) {
    const state = this.#state;
    Object.assign(state, { hitCount: hitLimit === undefined ? undefined : 0, hitLimit });
    state.activeMutant = mutantActivation === 'static' ? activeMutant.id : undefined;
    try {
      const loaded = mutantActivation === 'static' ? this.#evaluate() : this.#load();
      state.activeMutant = activeMutant.id;
      return await this.#ask(this.#order(loaded, testFilter), disableBail);
    } catch (error) {
      if (mutantActivation !== 'static') throw error;
      return { status: 'killed', killedBy: [], failureMessage: `while loading: ${String(error)}`, nrOfTests: 0 };
    } finally {
      state.activeMutant = undefined;
    }
  }

  async #ask(tests, disableBail) {
    const killedBy = [];
    let failureMessage = '';
    let nrOfTests = 0;
    for (const test of tests) {
      nrOfTests += 1;
      const outcome = await outcomeOf(test);
      if (this.#state.hitCount > this.#state.hitLimit) return { status: 'timeout', reason: 'an endless loop' };
      if (outcome.status === 0) continue;
      killedBy.push(test.id);
      failureMessage ||= outcome.failureMessage;
      this.#keen = [test.id, ...this.#keen.filter((id) => id !== test.id)].slice(0, 40);
      if (!disableBail) break;
    }
    if (killedBy.length === 0) return { status: 'survived', nrOfTests };
    return { status: 'killed', killedBy, failureMessage, nrOfTests };
  }

  #order(loaded, testFilter) {
    const wanted = testFilter === undefined ? null : new Set(testFilter);
    const asked = wanted === null ? loaded : loaded.filter(({ id }) => wanted.has(id));
    const rank = (id) => (this.#keen.includes(id) ? this.#keen.indexOf(id) : this.#keen.length);
    return asked
      .map((test) => [rank(test.id), test])
      .sort(([a], [b]) => a - b)
      .map(([, test]) => test);
  }

  #load() {
    this.#loaded ??= this.#evaluate();
    return this.#loaded;
  }

  #evaluate() {
    const module = { exports: {} };
    this.#script.runInThisContext()(createRequire(resolve('every-test.js')), module);
    return module.exports;
  }
}

function filesOf(pattern) {
  const [folder, name] = [dirname(pattern), pattern.slice(pattern.lastIndexOf('/') + 1)];
  const is = new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
  return readdirSync(folder)
    .filter((f) => is.test(f))
    .sort()
    .map((f) => `${folder}/${f}`);
}

/** Stryker's numbers for how a test ended: 0 passed, 1 failed. */
async function outcomeOf({ id, file, run }) {
  const began = performance.now();
  const test = { id, name: id, fileName: resolve(file), startPosition: undefined };
  try {
    await run();
    return { ...test, status: 0, timeSpentMs: performance.now() - began };
  } catch (error) {
    const failureMessage = error instanceof Error ? error.message : String(error);
    return { ...test, status: 1, failureMessage, timeSpentMs: performance.now() - began };
  }
}

function asTests(bundler) {
  bundler.onResolve({ filter: /^vitest$/ }, () => ({ path: VITEST }));
  bundler.onLoad({ filter: /\/test\/.*\.ts$/ }, ({ path }) => ({
    contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
    loader: 'ts',
  }));
}

export const strykerPlugins = [{ kind: 'TestRunner', name: 'in-process', injectableClass: InProcessRunner }];
