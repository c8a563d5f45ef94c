/** Several real hosts side by side: rounds mostly wait. */
import { RealHost } from '../reconcile/real-host.ts';

/** Each host runs every so-manieth round; all are closed again, also where one of them fails. */
export async function onHosts(
  options: {
    readonly hosts: number;
    readonly rounds: number;
    readonly agents: readonly string[];
    readonly hurry: number;
  },
  play: (host: RealHost, round: number) => Promise<void>,
  prepare: (host: RealHost) => Promise<void>,
): Promise<void> {
  const run = async (first: number) => {
    const host = new RealHost(options.agents.map((agent) => `  - ${agent}`).join('\n'));
    host.hurry = options.hurry;
    try {
      await prepare(host);
      for (let round = first; round < options.rounds; round += options.hosts) await play(host, round);
    } finally {
      host.close();
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: options.hosts }, (_, first) => run(first)));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}

/** Null where it failed: what is ended may have ended by itself. */
export function safely<T>(act: () => T): T | null {
  try {
    return act();
  } catch {
    return null;
  }
}
