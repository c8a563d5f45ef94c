/**
 * Where the controller keeps what it must not forget, beside the inventory: `~/.local/state/fleet/HOST/FLEET/`,
 * directories 0700, files 0600. The home is the user database's.
 */
import { join } from 'node:path';

export interface StatePaths {
  readonly directory: string;
  readonly status: string;
  readonly events: string;
  readonly counters: string;
  readonly pauses: string;
  readonly resets: string;
  /** Held by the one controller of this fleet as long as it lives. */
  readonly controller: string;
  /** Held for an instant by whoever changes pauses or resets. */
  readonly wishes: string;
  /** A file at any of these stops every action at once. */
  readonly stops: readonly string[];
}

/** Hosts compare without regard to case, so their directory has one spelling. */
export function statePaths(home: string, host: string, fleet: string): StatePaths {
  const root = join(home, '.local/state/fleet');
  const ofHost = join(root, host.toLowerCase());
  const directory = join(ofHost, fleet);
  const at = (name: string): string => join(directory, name);
  return {
    directory,
    status: at('status.json'),
    events: at('events.jsonl'),
    counters: at('counters.json'),
    pauses: at('pauses.json'),
    resets: at('resets.json'),
    controller: at('controller'),
    wishes: at('wishes'),
    stops: [root, ofHost, directory].map((path) => join(path, 'PAUSED')),
  };
}
