import { expandHome } from './home.ts';
import type { AgentSpec } from './model.ts';
import { sha256 } from './sha256.ts';

/** Raised when the same roster would have to be told apart from what an older fleet started. */
const VERSION = 1;

/**
 * What an agent is started from, as 32 hex digits: runtime, argv, model, environment (names, plain values and the paths
 * of secret files, never their content), working directory; `~` expanded. The order of environment variables does not
 * matter. A session bears it as `@fleet_spec`; a live one with another was started from another spec.
 */
export function fingerprint(agent: AgentSpec, home: string): string {
  const known = made.get(agent);
  if (known?.home === home) return known.value;
  const value = makeFingerprint(agent, home);
  made.set(agent, { home, value });
  return value;
}

/** One plan asks for each several times. */
const made = new WeakMap<AgentSpec, { readonly home: string; readonly value: string }>();

function makeFingerprint(agent: AgentSpec, home: string): string {
  const body = JSON.stringify([
    VERSION,
    agent.runtime,
    agent.argv === null ? null : agent.argv.map((word) => expandHome(word, home)),
    agent.modelHint,
    environment(agent, home),
    expandHome(agent.workingDirectory, home),
  ]);
  return sha256(body).slice(0, 32);
}

function environment(agent: AgentSpec, home: string): readonly (readonly [string, string, string])[] {
  return Object.keys(agent.env)
    .sort()
    .flatMap((name) => {
      const value = agent.env[name];
      if (value === undefined) return [];
      const text = value.kind === 'plain' ? value.value : expandHome(value.fromFile, home);
      return [[name, value.kind, text] as const];
    });
}
