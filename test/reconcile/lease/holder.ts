/** A process of its own that takes the lease at the path given, says what came of it, and holds it until it is ended. */
import { runProgram } from '../../../src/observe/run.ts';
import { thisMachine } from '../../../src/reconcile/lease/machine.ts';
import { takeLease } from '../../../src/reconcile/lease/wait.ts';

const [path = '', timeout = '0'] = process.argv.slice(2);
const taken = await takeLease(
  { path, who: 'holder', what: 'apply', host: 'here', timeoutMs: Number(timeout) },
  {
    run: runProgram,
    machine: thisMachine(),
    now: Date.now,
    delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  },
);
if (taken.ok) process.stdout.write('got\n');
else if (taken.error.why === 'held') process.stdout.write(`held by pid ${taken.error.by?.pid}\n`);
else process.stdout.write(`${taken.error.failure.code}: ${taken.error.failure.remedy}\n`);
if (taken.ok) setInterval(() => {}, 1_000);
