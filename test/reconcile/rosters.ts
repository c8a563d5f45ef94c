/** Rosters of the executor's tests. */
const RUNTIME = `
runtimes:
  stub: { command: [python3, ~/stub.py], match: { script: stub.py } }
`;

export const MOSAIC = `
version: 1
fleet: mosaic
layout: mosaic
tmux: { socket_name: mosaic-factory }
${RUNTIME}
defaults: { working_directory: ~/src, runtime: stub }
agents:
  - { name: canary-pi, runtime: pi }
  - { name: coder }
  - { name: orchestrator }
  - { name: reviewer }
`;

export const FLEET = MOSAIC.replace('layout: mosaic', 'layout: fleet');
export const NO_SUPERVISOR = FLEET.replace('layout: fleet', 'layout: fleet\nsupervisor: none');

/** Three in a chain, one apart. */
export const CHAIN = NO_SUPERVISOR.replace(
  /agents:[\s\S]*/,
  `agents:
  - { name: first }
  - { name: second, depends_on: [first] }
  - { name: third, depends_on: [second] }
  - { name: apart }
`,
);
