/**
 * Names that tmux, systemd or a file name would change, and names that meet another session's. Measured on tmux 3.3a:
 * `.` and `:` in a session's name silently become `_`.
 */

import type { DataPath } from './problems.ts';
import type { CheckContext, CheckedAgent } from './roster-view.ts';
import { AGENT_NAME } from './schema-parts.ts';
import { holderOfFile } from './written.ts';

/** A viewer's session, `AGENT-watch-PID`: made and removed by whoever watches, never an agent. */
export const VIEWER_NAME = /-watch-[0-9]+$/;

export function checkNames(context: CheckContext): void {
  const { file, report, agents } = context;
  const holder = holderOfFile(file);
  const taken = new Set(agents.map(({ written }) => written.name));
  const first = new Map<string, CheckedAgent>();
  const renames = new Map<CheckedAgent, string>();
  const renamed = (agent: CheckedAgent): string => {
    const free = renames.get(agent) ?? freeName(agent.written.name, taken, holder);
    renames.set(agent, free);
    taken.add(free);
    return `rename it, for example ${free}`;
  };
  for (const agent of agents) {
    const { name } = agent.written;
    const path: DataPath = [...agent.path, 'name'];
    const fits = AGENT_NAME.test(name);
    if (!fits) {
      const remedy = renamed(agent);
      report({ code: 'bad-name', path, at: 'value', detail: whyNot(name), remedy, unlessFaulty: [path] });
    }
    if (name === '') continue;
    const collision = collisionOf(name, holder, first);
    if (collision !== null) {
      report({ code: 'name-collision', path, at: 'value', detail: collision, remedy: renamed(agent) });
    }
    const seenAs = fits ? name : inTmux(name);
    if (!first.has(seenAs)) first.set(seenAs, agent);
  }
  if (file.fleet === 'lease') {
    const detail = 'its directory would be where the lease of the host is: ~/.local/state/fleet/HOST/lease';
    report({ code: 'name-collision', path: ['fleet'], at: 'value', detail, remedy: 'choose another name' });
  }
  if (VIEWER_NAME.test(holder)) {
    const path = ['tmux', file.tmux?.holder_session === undefined ? 'holderSession' : 'holder_session'];
    const detail = `${holder} is how the session of a viewer (AGENT-watch-PID) is called`;
    report({ code: 'name-collision', path, at: 'value', detail, remedy: 'choose another name, for example _holder' });
  }
}

type Detail = string | ((lineOf: (path: DataPath) => number) => string);

function collisionOf(name: string, holder: string, first: ReadonlyMap<string, CheckedAgent>): Detail | null {
  const other = first.get(inTmux(name));
  if (other !== undefined) {
    const changed = other.written.name === name ? '' : `, since tmux calls both ${inTmux(name)}`;
    return (lineOf) => `${name} meets the agent ${other.written.name} of line ${lineOf(other.path)}${changed}`;
  }
  if (inTmux(name) === holder) return `${name} is the holder's session, which is never an agent`;
  if (VIEWER_NAME.test(name)) return `${name} is how the session of a viewer (AGENT-watch-PID) is called`;
  return null;
}

const inTmux = (name: string): string => name.replace(/[.:]/g, '_');

function whyNot(name: string): string {
  const expected = 'expected a-z, 0-9, _ and -, up to 63, the first a letter or digit';
  const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  const strange = /[^A-Za-z0-9:_.-]/u.exec(name)?.[0];
  if (strange !== undefined) return `${shown}: systemd would escape ${JSON.stringify(strange)}; ${expected}`;
  if (/[.:]/.test(name)) return `${shown}: tmux would call it ${inTmux(name)}; ${expected}`;
  return `${shown}: ${expected}`;
}

/** A name that fits and is free. `.` and `:` become what tmux has made of them so far. */
function freeName(name: string, taken: ReadonlySet<string>, holder: string): string {
  const fitting = inTmux(name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase())
    .replace(VIEWER_NAME, '-watcher')
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[_-]+|-+$/g, '')
    .slice(0, 60);
  const base = fitting === '' ? 'agent' : fitting;
  let free = base;
  for (let n = 2; taken.has(free) || free === holder; n++) free = `${base.slice(0, 57)}-${n}`;
  return free;
}
