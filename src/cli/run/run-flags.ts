/** The flags of `fleet run` whose values can be wrong: checked by it, and by `fleet install` before they are in a unit. */
import { type MetricsAddress, parseMetricsAddress } from '../../reconcile/metrics/address.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { type Arguments, type Failure, value } from '../command.ts';
import { EXIT } from '../exit-codes.ts';

export interface RunFlags {
  readonly ref: string | null;
  readonly metrics: MetricsAddress | null;
}

export function runFlags(args: Arguments): Result<RunFlags, Failure> {
  const ref = value(args, 'git');
  if (ref !== null && !/^[^-\s][^\s:?*[\\~^]*$/.test(ref)) {
    return err({ code: EXIT.usage, message: `--git ${ref} is no name of a branch`, remedy: 'for example: --git main' });
  }
  const given = value(args, 'metrics');
  const metrics = given === null ? null : parseMetricsAddress(given);
  if (metrics !== null && !metrics.ok) {
    return err({
      code: EXIT.usage,
      message: `--metrics ${metrics.error}`,
      remedy: 'for example: --metrics 127.0.0.1:9464',
    });
  }
  return ok({ ref, metrics: metrics?.value ?? null });
}
