import type { RunProgram } from '../observe/run.ts';
import type { Log } from './log.ts';

/** Wraps the port that runs programs: with -v each run is told, how it ended and how long it took. */
export function timed(run: RunProgram, log: Log): RunProgram {
  return async (program, args, options) => {
    const begin = performance.now();
    const result = await run(program, args, options);
    const ended = result.kind === 'exited' ? { exit: result.code ?? result.signal } : { failed: result.why };
    log.debug({ program, args, ...ended, ms: Math.round(performance.now() - begin) }, 'ran');
    return result;
  };
}
