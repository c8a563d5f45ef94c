// Running the steps of a script, one line each with its time; the first that fails ends the script.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

const RESULTS = 'test-results';

/** The step that failed, by the name under which it was started. */
export class StepFailed extends Error {}

/**
 * Runs one program; its output goes to the terminal and to test-results/NAME.log. Rejects with StepFailed.
 * @param {string} name
 * @param {readonly string[]} argv
 * @param {{ readonly deadlineMs?: number, readonly env?: Readonly<Record<string, string>> }} [options]
 */
export async function step(name, argv, options = {}) {
  await timed(name, () => runLogged(name, argv, options));
}

/**
 * A step that is not a program.
 * @param {string} name
 * @param {() => Promise<void>} work
 */
export async function timed(name, work) {
  const started = performance.now();
  console.log(`\n--- ${name}`);
  try {
    await work();
  } catch (error) {
    console.log(`FAILED  ${name}  ${seconds(started)}`);
    throw error;
  }
  console.log(`ok  ${name}  ${seconds(started)}`);
}

async function runLogged(name, argv, { deadlineMs = 900_000, env = {} }) {
  mkdirSync(RESULTS, { recursive: true });
  const log = createWriteStream(join(RESULTS, `${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}.log`));
  const [program, ...args] = argv;
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const forward = (signal) => child.kill(signal);
  process.on('SIGTERM', forward).on('SIGINT', forward);
  const deadline = setTimeout(() => child.kill('SIGTERM'), deadlineMs);
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ]) {
    from.on('data', (chunk) => {
      log.write(chunk);
      to.write(chunk);
    });
  }
  const end = await new Promise((resolve) => {
    child.on('error', (error) => resolve(`cannot run ${program}: ${error.message}`));
    child.on('close', (code, signal) => resolve(signal ? `ended by ${signal}` : code === 0 ? null : `exit ${code}`));
  });
  clearTimeout(deadline);
  process.off('SIGTERM', forward).off('SIGINT', forward);
  log.end();
  await finished(log);
  if (end !== null) throw new StepFailed(`${name}: ${argv.join(' ')}: ${end}`);
}

function seconds(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
