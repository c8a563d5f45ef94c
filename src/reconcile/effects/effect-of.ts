import type { Kind } from '../../spec/address.ts';
import { type Effect, noEffect } from '../effect.ts';
import { agentFile } from './agent-file.ts';
import { linger } from './linger.ts';
import { session } from './session.ts';
import { tmuxServer } from './tmux-server.ts';
import { unit } from './unit.ts';
import { unitFile } from './unit-file.ts';

/** How changes of each kind are made. A new kind is one file and one line here. */
export const EFFECTS: Readonly<Record<Kind, Effect>> = {
  session,
  unit,
  'unit-file': unitFile,
  'env-file': agentFile,
  linger,
  'tmux-server': tmuxServer,
  // Heartbeats are the agents' own: fleet never writes one for them.
  heartbeat: async (_ctx, change) => noEffect(change),
};
