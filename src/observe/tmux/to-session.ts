/** Sessions as they are told, from what tmux listed and what was seen to run in their panes. */
import { haveSameFields } from '../../spec/kept.ts';
import type { LastLook } from '../last-look.ts';
import { findPrompt, hasPrompts } from '../prompts.ts';
import type { PaneRuns, TmuxPane, TmuxSession } from '../state.ts';
import type { ListedPane, ListedSession } from './listing-row.ts';

export interface SeenSession {
  readonly session: ListedSession;
  readonly panes: readonly { readonly pane: ListedPane; readonly runs: PaneRuns }[];
}

/** Lines from the top, by the pane's id. */
export type Screens = ReadonlyMap<string, readonly string[]>;

/** Of the server on `path`. Whatever is as it was in the last look is the object that it was there. */
export function toSession(
  path: string,
  { session, panes }: SeenSession,
  screens: Screens,
  before: LastLook | undefined,
): TmuxSession {
  const told: TmuxPane[] = [];
  for (const { pane, runs } of panes) {
    const prompt = promptOn(runs, screens.get(pane.id));
    told.push(
      before === undefined
        ? toPane(pane, runs, prompt)
        : paneAsBefore(`${path} ${pane.id}`, pane, runs, prompt, before),
    );
  }
  const make = (): TmuxSession => ({ ...session, panes: told });
  return before === undefined ? make() : before.sessions.of(`${path} ${session.id}`, [session, ...told], make);
}

function paneAsBefore(
  key: string,
  pane: ListedPane,
  runs: PaneRuns,
  prompt: TmuxPane['prompt'],
  { panes }: LastLook,
): TmuxPane {
  const kept = panes.last(key);
  const inputs = [
    pane,
    kept !== undefined && haveSameFields(kept.runs, runs) ? kept.runs : runs,
    kept !== undefined && samePrompt(kept.prompt, prompt) ? kept.prompt : prompt,
  ];
  return panes.of(key, inputs, () => toPane(pane, runs, prompt));
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

function samePrompt(a: TmuxPane['prompt'], b: TmuxPane['prompt']): boolean {
  return a === null || b === null ? a === b : haveSameFields(a, b);
}

/** The runtime whose prompts may be on the screen, null where none. */
export function promptRuntime(runs: PaneRuns): string | null {
  return runs.verdict === 'runtime' && hasPrompts(runs.runtime) ? runs.runtime : null;
}
