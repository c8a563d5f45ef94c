/** The sign that somebody waits: `lease.wanted` beside the lease, touched by each who waits and removed by who gets it. */
import { closeSync, constants, futimesSync, lstatSync, openSync, unlinkSync } from 'node:fs';
import { attempt } from './file.ts';

/** Milliseconds. Whoever waits touches it at least every second; a sign older than this was left behind. */
const FRESH_MS = 3_000;

/** The clock of files, which is the wall's. */
const seconds = (): number => Date.now() / 1000;

/** A waiter that can leave no sign still gets the lease when it is free. */
export function wantIt(path: string): void {
  const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  attempt(path, 'leaving a sign beside', () => {
    const fd = openSync(signOf(path), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    try {
      futimesSync(fd, seconds(), seconds());
    } finally {
      closeSync(fd);
    }
  });
}

/** From now in either direction: a clock that was set back must not make a sign last. */
export function isWanted(path: string): boolean {
  const sign = attempt(path, 'looking beside', () => lstatSync(signOf(path), { throwIfNoEntry: false }));
  return sign.ok && sign.value !== undefined && Math.abs(seconds() * 1000 - sign.value.mtimeMs) < FRESH_MS;
}

/** Others who still wait leave it again within a second. */
export function gotIt(path: string): void {
  attempt(path, 'removing the sign beside', () => unlinkSync(signOf(path)));
}

const signOf = (path: string): string => `${path}.wanted`;
