import type { AgentSpec, Roster } from '../../src/spec/model.ts';

/** A complete agent to start from: a core worker of runtime pi, nothing out of the ordinary. */
export function makeAgent(changes: Partial<AgentSpec> = {}): AgentSpec {
  return {
    name: 'canary-pi',
    host: null,
    tenant: null,
    runtime: 'pi',
    class: 'worker',
    lifecycle: 'core',
    state: 'running',
    stopped: null,
    boot: true,
    socket: null,
    argv: ['pi'],
    commandGiven: false,
    modelHint: null,
    env: {},
    workingDirectory: '~',
    window: null,
    manage: 'enforce',
    protect: false,
    onChange: 'defer',
    heartbeat: { interval: 15_000, staleAfter: 3, required: true, onStale: 'report' },
    restart: { backoff: 30_000, maxBackoff: 600_000, limit: 5, window: 900_000 },
    dependsOn: [],
    wave: 0,
    persistentPersona: null,
    resetBetweenTasks: null,
    source: { file: 'fleet.yaml', line: 1, col: 1 },
    ...changes,
  };
}

export function makeRoster(changes: Partial<Roster> = {}): Roster {
  return {
    path: 'fleet.yaml',
    sha256: '0'.repeat(64),
    fleet: 'fleet',
    layout: 'fleet',
    supervisor: 'systemd',
    tmux: { socketName: null, holderSession: '_holder' },
    hosts: {},
    tenants: {},
    runtimes: {},
    agents: [],
    ignore: [],
    ...changes,
  };
}
