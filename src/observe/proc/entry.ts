/** One process as its stat line tells it, and whose it is. */
import type { Unknown } from '../state.ts';

/** Numbers as /proc/PID/stat has them (man 5 proc); `start_time` in clock ticks since boot. */
export interface StatLine {
  readonly pid: number;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  /** Device number of the controlling terminal, 0 = none. */
  readonly tty_nr: number;
  /** Foreground process group of that terminal, -1 = none. */
  readonly tpgid: number;
  /** R, S, D, Z, T (stopped), t (traced), X, I. */
  readonly state: string;
  readonly start_time: number;
  /** Whatever the program says: at most 15 bytes, any of them. */
  readonly comm: string;
  /** Where its code and its stack begin: another with every exec. Null where the kernel does not tell, or puts them where they always are. */
  readonly image: string | null;
}

export interface ProcessEntry extends StatLine {
  /** The effective one; `NOBODY` where that is not to be known any more. */
  readonly uid: number;
}

/** Nobody's: a process of which no more can be told, for it has ended. */
export const NOBODY = -1;

/** Thrown by whoever is asked for the owner and cannot read it: then nothing is known of what was asked by it. */
export class OwnerUnread extends Error {
  readonly failure: Pick<Unknown, 'why' | 'detail'>;

  constructor({ why, detail }: Pick<Unknown, 'why' | 'detail'>) {
    super(detail);
    this.failure = { why, detail };
  }
}

/** Bytes. A stat line is at most 52 numbers and 15 bytes of name. */
export const LONGEST_LINE = 4096;

/**
 * One line of /proc/PID/stat. The name is whatever the program likes, so the fields begin after the LAST `)`: a
 * command named `x) R 1 (y` fools anything else. Null where the line is not one.
 */
export function parseStat(line: string): StatLine | null {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 2 || close < open) return null;
  const fields = line.slice(close + 2).split(' ', 26);
  const number = (i: number): number => Number(fields[i] ?? Number.NaN);
  const entry: StatLine = {
    pid: Number(line.slice(0, open - 1)),
    ppid: number(1),
    pgrp: number(2),
    session: number(3),
    // Printed as signed: a device number above 2^31 would come out negative.
    tty_nr: number(4) >>> 0,
    tpgid: number(5),
    state: fields[0] ?? '',
    start_time: number(19),
    comm: line.slice(open + 1, close),
    image: imageOf(fields[23], fields[25]),
  };
  const whole = [entry.pid, entry.ppid, entry.pgrp, entry.session, entry.tpgid, entry.start_time];
  return entry.state.length === 1 && whole.every(Number.isInteger) ? entry : null;
}

/** Both are 0 to those who may not know them, and for the kernel's own threads. */
function imageOf(code: string | undefined, stack: string | undefined): string | null {
  if (code === undefined || stack === undefined || stack === '0' || !isRandom(Number(stack))) return null;
  return `${code}:${stack}`;
}

/**
 * Without randomization (`setarch -R`, a debugger, kernel.randomize_va_space=0) each stack begins at the top of what a
 * 64-bit program may address, below its words and environment, which take 6 MiB at most (execve(2)). Of those that are random
 * one in two thousand lies there too (x86-64), and all of 32-bit programs: they are read anew, which costs time alone.
 */
function isRandom(stack: number): boolean {
  return 2 ** Math.ceil(Math.log2(stack)) - stack > 8 * 1024 * 1024;
}

/**
 * A stat line does not tell whose the process is, and few are asked about: told when asked, by the owner of its directory,
 * which is always the effective one, while the files in it belong to root for a process that is not dumpable.
 */
export class OwnedEntry implements ProcessEntry {
  readonly pid: number;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  readonly tty_nr: number;
  readonly tpgid: number;
  readonly state: string;
  readonly start_time: number;
  readonly comm: string;
  readonly image: string | null;
  readonly #owner: () => number;
  #uid: number | null = null;

  /** `owner`: `NOBODY` where it has ended; throws `OwnerUnread`. */
  constructor(read: StatLine, owner: () => number) {
    this.pid = read.pid;
    this.ppid = read.ppid;
    this.pgrp = read.pgrp;
    this.session = read.session;
    this.tty_nr = read.tty_nr;
    this.tpgid = read.tpgid;
    this.state = read.state;
    this.start_time = read.start_time;
    this.comm = read.comm;
    this.image = read.image;
    this.#owner = owner;
  }

  get uid(): number {
    this.#uid ??= this.#owner();
    return this.#uid;
  }

  /** A process may change it: to be told anew when it is asked next. */
  forgetUid(): void {
    this.#uid = null;
  }

  /** Whoever has it still is told what was told, and nothing anew. */
  end(): void {
    this.#uid ??= NOBODY;
  }
}
