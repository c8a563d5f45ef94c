/**
 * Where the inventory's record says that an agent's session is, when nobody who answered has it: on a tmux server that
 * lives and was not looked into. A session is gone only when its server answered without it, or has ended.
 */
import type { Observed } from '../observe/state.ts';
import type { PlanMemory } from './policy.ts';

export type RecordedServer =
  /** Nothing is recorded in this boot, or that server has answered, or has ended. */
  | { readonly kind: 'none' }
  /** It lives, on a socket in a directory that was not looked into (another TMUX_TMPDIR). */
  | { readonly kind: 'other-directory'; readonly path: string; readonly pid: number }
  /** It lives, and is at none of the sockets that were found. */
  | { readonly kind: 'unanswered'; readonly pid: number }
  /** An apply that died meant to start it, nobody knows on which server, and there is one in another directory. */
  | { readonly kind: 'perhaps'; readonly path: string; readonly pid: number };

type Looked = { readonly observed: Observed; readonly memory: PlanMemory };

export function recordedServer({ observed, memory }: Looked, agent: string): RecordedServer {
  const { tmux } = observed.sources;
  if (tmux.status === 'unknown') return { kind: 'none' };
  const { servers, elsewhere, server_pids: alive } = tmux.value;
  const record = Object.hasOwn(memory.sessions, agent) ? memory.sessions[agent] : undefined;
  if (record === undefined || record.boot_id !== observed.boot_id) {
    const meant = memory.owned[`session/${agent}`]?.state === 'intended';
    const perhaps = meant ? whereFleetWorked({ observed, memory }, elsewhere) : undefined;
    return perhaps === undefined ? { kind: 'none' } : { kind: 'perhaps', ...perhaps };
  }
  const { pid } = record.server;
  const other = elsewhere.find((server) => server.pid === pid);
  if (other !== undefined) return { kind: 'other-directory', path: other.path, pid };
  const answered = servers.some(({ server }) => server.state === 'running' && server.pid === pid);
  return !answered && alive.includes(pid) ? { kind: 'unanswered', pid } : { kind: 'none' };
}

type Elsewhere = Extract<Observed['sources']['tmux'], { status: 'known' }>['value']['elsewhere'];

/** Where other sessions of this boot were started; with none on record, any of them. */
function whereFleetWorked({ observed, memory }: Looked, elsewhere: Elsewhere): Elsewhere[number] | undefined {
  const records = Object.values(memory.sessions).filter(({ boot_id }) => boot_id === observed.boot_id);
  if (records.length === 0) return elsewhere[0];
  return elsewhere.find(({ pid }) => records.some(({ server }) => server.pid === pid));
}

/** For evidence; null where there is nothing to say. */
export function describeRecorded(where: RecordedServer): string | null {
  switch (where.kind) {
    case 'none':
      return null;
    case 'other-directory':
      return `fleet started it on the tmux server ${where.pid}, which lives at ${where.path}`;
    case 'unanswered':
      return `fleet started it on the tmux server ${where.pid}, which lives, at a socket that was not found`;
    case 'perhaps':
      return `an apply that died meant to start it, perhaps on the tmux server ${where.pid} at ${where.path} (where it is not there: fleet forget it)`;
  }
}
