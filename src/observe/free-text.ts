/**
 * Secrets are struck out of what only people read: programs' names, prompts, notes, the words of errors. What decisions
 * are made from (names, ids, paths, values that the roster compares) stays as it is, since a struck out name would be
 * another name; it is masked where it is shown.
 */
import { areSame, haveSameFields } from '../spec/kept.ts';
import type { Masking } from './masking.ts';
import type {
  AgentHeartbeats,
  HeartbeatFile,
  Observed,
  PaneRuns,
  Source,
  TmuxObserved,
  TmuxPane,
  TmuxServerObserved,
  TmuxSession,
} from './state.ts';

/** The same object where no secret is known. */
export function withoutSecrets(masking: Masking, observed: Observed): Observed {
  if (masking.isEmpty()) return observed;
  const { text } = masking;
  const { tmux, units, processes, files, linger, heartbeats } = observed.sources;
  return {
    ...observed,
    sources: {
      tmux: source(text, tmux, (value) => tmuxText(text, value)),
      units: source(text, units),
      processes: source(text, processes),
      files: source(text, files),
      linger: source(text, linger),
      heartbeats: source(text, heartbeats, ({ agents }) => ({
        agents: Object.fromEntries(Object.entries(agents).map(([name, beats]) => [name, beatsText(text, beats)])),
      })),
    },
  };
}

type Text = Masking['text'];

function source<T>(text: Text, seen: Source<T>, inside: (value: T) => T = (value) => value): Source<T> {
  return seen.status === 'unknown' ? detailed(text, seen) : { status: 'known', value: inside(seen.value) };
}

const detailed = <T extends { readonly detail: string }>(text: Text, what: T): T => ({
  ...what,
  detail: text(what.detail),
});

function tmuxText(text: Text, tmux: TmuxObserved): TmuxObserved {
  const { unseen_servers: unseen } = tmux;
  const servers = tmux.servers.map((server) => serverText(text, server));
  return { ...tmux, servers, unseen_servers: unseen === null ? null : detailed(text, unseen) };
}

function serverText(text: Text, seen: TmuxServerObserved): TmuxServerObserved {
  const { server } = seen;
  switch (server.state) {
    case 'absent':
      return seen;
    case 'unknown':
      return { ...seen, server: detailed(text, server) };
    case 'running': {
      const sessions = server.sessions.map((session) => sessionText(text, session));
      return { ...seen, server: { ...server, sessions } };
    }
  }
}

/** The same object where nothing is struck out, as in all that it is made of: who looks again and again knows it by that. */
function sessionText(text: Text, session: TmuxSession): TmuxSession {
  const panes = session.panes.map((pane) => paneText(text, pane));
  return areSame(panes, session.panes) ? session : { ...session, panes };
}

function paneText(text: Text, pane: TmuxPane): TmuxPane {
  const prompt = pane.prompt === null ? null : { ...pane.prompt, text: text(pane.prompt.text) };
  const current_command = text(pane.current_command);
  const runs = runsText(text, pane.runs);
  const same =
    current_command === pane.current_command &&
    haveSameFields(runs, pane.runs) &&
    (prompt === null || (pane.prompt !== null && haveSameFields(prompt, pane.prompt)));
  return same ? pane : { ...pane, current_command, runs, prompt };
}

function runsText(text: Text, runs: PaneRuns): PaneRuns {
  switch (runs.verdict) {
    case 'runtime':
    case 'ambiguous':
      return { ...runs, evidence: text(runs.evidence) };
    case 'shell':
    case 'other':
    case 'opaque':
      return { ...runs, program: text(runs.program) };
    case 'unknown':
      return detailed(text, runs);
    case 'dead':
    case 'gone':
    case 'suspended':
      return runs;
  }
}

function beatsText(text: Text, beats: AgentHeartbeats): AgentHeartbeats {
  return { ...beats, beat: beatText(text, beats.beat), native: beatText(text, beats.native) };
}

function beatText(text: Text, beat: HeartbeatFile): HeartbeatFile {
  switch (beat.state) {
    case 'absent':
      return beat;
    case 'unreadable':
      return detailed(text, beat);
    case 'present': {
      const inText = (value: string | null): string | null => (value === null ? null : text(value));
      return { ...beat, model: inText(beat.model), note: inText(beat.note) };
    }
  }
}
