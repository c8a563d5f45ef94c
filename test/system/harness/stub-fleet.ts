/** A small fleet of stubs for layout fleet and for supervisor none. */
import { readFileSync } from 'node:fs';
import type { Host } from './host.ts';

const STUB = readFileSync(new URL('../fixtures/dogfood-agent.py', import.meta.url), 'utf8');

/** The stub and a working directory in the user's home. */
export async function installStub(host: Host, user: string): Promise<void> {
  await host.write(user, 'dogfood-agent.py', STUB, '755');
  await host.mustAs(user, ['mkdir', '-p', 'src']);
}

/** Mode, owner and type of the directory of a user's tmux sockets. */
export async function socketDirectory(host: Host, user: string): Promise<string> {
  return (await host.mustRoot(['stat', '-c', '%a %U %F', `/tmp/tmux-${host.uid(user)}`])).trim();
}

export interface StubRoster {
  readonly layout: 'fleet' | 'mosaic';
  readonly supervisor?: 'systemd' | 'none';
  readonly socket: string;
  readonly agents: readonly string[];
  /** More arguments of the first agent. */
  readonly more: readonly string[];
}

export function stubRoster({ layout, supervisor = 'systemd', socket, agents, more }: StubRoster): string {
  const lines = agents.map((name, index) => {
    const args = index === 0 && more.length > 0 ? `, args: ${JSON.stringify(more)}` : '';
    return `  - { name: ${name}, runtime: stub${args} }`;
  });
  return `version: 1
fleet: lab-fleet
layout: ${layout}
supervisor: ${supervisor}
tmux: { socket_name: ${socket}, holder_session: _holder }
defaults: { working_directory: ~/src }
runtimes:
  stub:
    command: [python3, ~/dogfood-agent.py]
    match: { script: dogfood-agent.py }
agents:
${lines.join('\n')}
`;
}
