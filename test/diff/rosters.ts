/** The rosters that the tables plan for. */
export const FLEET = `version: 1
fleet: mosaic
tmux: { socket_name: factory }
agents:
  - name: coder
    runtime: pi
    working_directory: ~/src
  - name: stub
    runtime: dogfood
runtimes:
  dogfood: { command: [python3, ~/dogfood.py], match: { script: dogfood.py } }
`;

/** The fleet of record: docs/planning-rules.md speaks of its units. */
export const MOSAIC = `version: 1
fleet: mosaic
layout: mosaic
tmux: { socket_name: factory }
agents:
  - name: coder
    runtime: pi
  - name: stub
    runtime: dogfood
runtimes:
  dogfood: { command: [python3, ~/dogfood.py], match: { script: dogfood.py } }
`;

export const NONE = FLEET.replace('fleet: mosaic\n', 'fleet: mosaic\nsupervisor: none\n');

/** FLEET with more fields for its first agent, each `key: value`. */
export function coderWith(...fields: readonly string[]): string {
  return FLEET.replace('    runtime: pi\n', `    runtime: pi\n${fields.map((f) => `    ${f}\n`).join('')}`);
}
