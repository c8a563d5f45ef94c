import type { Observed } from '../observe/state.ts';
import type { HowToLook, Observe } from './ports.ts';

interface Waiting {
  /** Null: everything. */
  agents: Set<string> | null;
  /** As the most careful of those that ask wants it. */
  how: HowToLook;
  readonly answer: Promise<Observed>;
}

/**
 * One look at a time: those that ask while one is under way share the next, narrowed to all that they name. Nobody is
 * answered with a look that began before the question. So twenty agents settling at once cost one look a round.
 */
export function shareObservations(observe: Observe): Observe {
  let running: Promise<unknown> | null = null;
  let next: Waiting | null = null;

  const look = (agents: readonly string[] | null, how: HowToLook): Promise<Observed> => {
    const answer = observe(agents, how);
    running = answer;
    return answer;
  };

  return (agents, how = 'twice') => {
    if (next !== null) {
      if (how === 'twice') next.how = how;
      if (agents === null) next.agents = null;
      else for (const agent of agents) next.agents?.add(agent);
      return next.answer;
    }
    if (running === null) {
      const answer = look(agents, how);
      const clear = () => {
        if (running === answer) running = null;
      };
      answer.then(clear, clear);
      return answer;
    }
    const begin = (): Promise<Observed> => {
      next = null;
      const answer = look(waiting.agents === null ? null : [...waiting.agents], waiting.how);
      const clear = () => {
        if (running === answer) running = null;
      };
      answer.then(clear, clear);
      return answer;
    };
    const waiting: Waiting = {
      agents: agents === null ? null : new Set(agents),
      how,
      answer: running.then(begin, begin),
    };
    next = waiting;
    return waiting.answer;
  };
}
