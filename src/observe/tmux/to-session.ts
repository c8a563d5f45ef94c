/** Sessions as they are told, from what tmux listed and what was seen to run in their panes. */
import { haveSameFields, type Kept } from '../../spec/kept.ts';
import type { KnownServer } from '../last-look.ts';
import { findPrompt, hasPrompts } from '../prompts.ts';
import type { PaneRuns, TmuxPane, TmuxSession } from '../state.ts';
import type { ListedPane, ListedSession } from './listing-row.ts';

export interface SeenSession {
  readonly session: ListedSession;
  readonly panes: readonly { readonly pane: ListedPane; readonly runs: PaneRuns }[];
}

/** Lines from the top, by the pane's id. */
export type Screens = ReadonlyMap<string, readonly string[]>;

/** With `before` whatever is as it was in the last look is the object that it was there. */
export function toSession(
  { session, panes }: SeenSession,
  screens: Screens,
  before: KnownServer | undefined,
): TmuxSession {
  const told: TmuxPane[] = [];
  for (const { pane, runs } of panes) {
    const prompt = promptOn(runs, screens.get(pane.id));
    told.push(before === undefined ? toPane(pane, runs, prompt) : paneAsBefore(before.panes, pane, runs, prompt));
  }
  const make = (): TmuxSession => ({ ...session, panes: told });
  return before === undefined ? make() : before.sessions.of(session.id, [session, ...told], make);
}

function paneAsBefore(
  panes: Kept<string, TmuxPane>,
  pane: ListedPane,
  runs: PaneRuns,
  prompt: TmuxPane['prompt'],
): TmuxPane {
  const kept = panes.last(pane.id);
  const inputs = [
    pane,
    kept !== undefined && sameRuns(kept.runs, runs) ? kept.runs : runs,
    kept !== undefined && samePrompt(kept.prompt, prompt) ? kept.prompt : prompt,
  ];
  return panes.of(pane.id, inputs, () => toPane(pane, runs, prompt));
}

/** All but the title, field by field: to leave one out of a copy takes V8 several times as long. */
function toPane(pane: ListedPane, runs: PaneRuns, prompt: TmuxPane['prompt']): TmuxPane {
  return {
    id: pane.id,
    window_id: pane.window_id,
    window_activity: pane.window_activity,
    pid: pane.pid,
    tty: pane.tty,
    dead: pane.dead,
    dead_status: pane.dead_status,
    dead_signal: pane.dead_signal,
    in_mode: pane.in_mode,
    alternate_on: pane.alternate_on,
    width: pane.width,
    height: pane.height,
    current_command: pane.current_command,
    runs,
    prompt,
  };
}

function promptOn(runs: PaneRuns, screen: readonly string[] | undefined): TmuxPane['prompt'] {
  const runtime = promptRuntime(runs);
  return runtime === null || screen === undefined ? null : findPrompt(runtime, screen);
}

/** Field by field what nearly all of a thousand are. */
function sameRuns(a: PaneRuns, b: PaneRuns): boolean {
  if (a.verdict !== 'runtime' || b.verdict !== 'runtime' || a.also !== b.also) return haveSameFields(a, b);
  return a.runtime === b.runtime && a.strength === b.strength && a.pid === b.pid && a.evidence === b.evidence;
}

function samePrompt(a: TmuxPane['prompt'], b: TmuxPane['prompt']): boolean {
  return a === null || b === null ? a === b : haveSameFields(a, b);
}

/** The runtime whose prompts may be on the screen, null where none. */
export function promptRuntime(runs: PaneRuns): string | null {
  return runs.verdict === 'runtime' && hasPrompts(runs.runtime) ? runs.runtime : null;
}
