/** `--serial 1,5,20%` and `--max-fail N|N%`: text to numbers, or exit 64. */
import type { Limit } from '../diff/policy.ts';
import type { BatchPolicy } from '../reconcile/batches.ts';
import { err, ok, type Result } from '../spec/result.ts';
import { type Arguments, type Failure, value } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { parseLimit } from './limit.ts';

export function batchesFrom(args: Arguments): Result<BatchPolicy, Failure> {
  const sizes = value(args, 'serial');
  const fail = value(args, 'max-fail');
  const serial = sizes === null ? null : sizes.split(',').map((size) => atLeast(size, 1));
  if (serial?.includes(null)) {
    return refused(`--serial ${sizes}`, 'sizes of batches from 1 up or from 1% to 100%, as in --serial 1,5,20%');
  }
  // 0 reads as "none may fail": the first failure ends it, as 1 does.
  const maxFail = fail === null ? null : atLeast(fail, 0);
  if (fail !== null && maxFail === null) {
    return refused(`--max-fail ${fail}`, 'a count, or a percentage from 1% to 100%, as in --max-fail 20%');
  }
  return ok({ serial: serial?.filter((size) => size !== null) ?? null, maxFail });
}

/** Null also for less than `least` and for 0 %. */
function atLeast(text: string, least: number): Limit | null {
  const limit = parseLimit(text);
  return limit === null || limit.value < (limit.unit === 'percent' ? 1 : least) ? null : limit;
}

function refused(given: string, remedy: string): Result<never, Failure> {
  return err({ code: EXIT.usage, message: `${given} is not understood`, remedy: `write ${remedy}` });
}
