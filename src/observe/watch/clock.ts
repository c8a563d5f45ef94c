/** Timers as the sources need them; tests give one that they turn by hand. */
export interface Clock {
  /** Calls `then` once after so many milliseconds; the result cancels it. Does not keep the process alive. */
  readonly after: (ms: number, then: () => void) => () => void;
}

export const realClock: Clock = {
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
