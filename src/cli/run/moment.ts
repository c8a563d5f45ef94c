import { readFileSync } from 'node:fs';
import type { Moment } from '../../reconcile/control/clock.ts';

let boot: string | null | undefined;

/** Now, by the wall and by the kernel's monotonic clock, which all processes of one boot share. */
export function moment(wall: () => number): Moment {
  boot ??= readBootId();
  return { wall: wall(), monotonic: Number(process.hrtime.bigint() / 1_000_000n), boot_id: boot };
}

function readBootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
