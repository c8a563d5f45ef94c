/**
 * The units of layout fleet (docs/contract.md, section 9), written to `~/.config/systemd/user/`.
 *
 * Both are oneshot with RemainAfterExit: the tmux server lives on in the unit's cgroup, so KillMode=process and no
 * ExecStop that ends it. The agent's unit only Wants= the holder: a restarted holder must stop nobody. Start limits are
 * off: systemd counts manual starts too (measured on systemd 252), and fleet keeps its own limits.
 */
import { socketArgument } from './argv-file.ts';
import { expandHome } from './home.ts';
import { LAUNCHER_PATH } from './launcher.ts';
import { layoutOf } from './layout.ts';
import type { AgentSpec, Roster } from './model.ts';
import { formatUnitText, formatUnitWord } from './quoting.ts';

const HEADER = '# Written by fleet: do not edit, it is written again. Changes of your own go to a drop-in.';

/**
 * By file name. Nothing where the roster's layout does not own its unit files, or nothing supervises. `agents` are those
 * of one host and tenant: the holder keeps a server on each of their sockets.
 */
export function renderUnitFiles(
  roster: Pick<Roster, 'fleet' | 'layout' | 'supervisor' | 'tmux'>,
  agents: readonly AgentSpec[],
  home: string,
): Readonly<Record<string, string>> {
  const layout = layoutOf(roster.layout);
  if (!layout.ownsUnitFiles || roster.supervisor !== 'systemd') return {};
  const launcher = expandHome(LAUNCHER_PATH, home);
  const sockets = [...new Set([roster.tmux.socketName, ...agents.map((agent) => agent.socket)].map(socketArgument))];
  const holder = ['/bin/sh', launcher, 'holder', roster.fleet, roster.tmux.holderSession, ...sockets];
  return {
    [layout.holderUnit]: render({
      unit: [`Description=${formatUnitText(`tmux server of the fleet ${roster.fleet}`)}`],
      service: [`ExecStart=${commandLine(holder)}`],
      owner: roster.fleet,
    }),
    [layout.agentTemplate]: render({
      unit: [
        `Description=${formatUnitText(`Agent of the fleet ${roster.fleet}: `)}%i`,
        `Wants=${layout.holderUnit}`,
        `After=${layout.holderUnit}`,
      ],
      service: [
        // The instance's name is one word that neither systemd nor the shell changes.
        `ExecStart=${commandLine(['/bin/sh', launcher, 'start'])} %i`,
        `ExecStop=${commandLine(['/bin/sh', launcher, 'stop'])} %i`,
      ],
      owner: roster.fleet,
    }),
  };
}

function commandLine(words: readonly string[]): string {
  return words.map(formatUnitWord).join(' ');
}

interface UnitParts {
  readonly unit: readonly string[];
  readonly service: readonly string[];
  readonly owner: string;
}

function render(parts: UnitParts): string {
  return [
    HEADER,
    '[Unit]',
    ...parts.unit,
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    'KillMode=process',
    ...parts.service,
    'TimeoutStartSec=90',
    'TimeoutStopSec=90',
    '',
    '[Install]',
    'WantedBy=default.target',
    '',
    '[X-Fleet]',
    `Owner=${parts.owner}`,
    '',
  ].join('\n');
}

/** The roster's `fleet:` that wrote the unit file, or null where fleet did not. */
export function unitFileOwner(content: string): string | null {
  let section = '';
  for (const line of content.split(/\r?\n/).map((text) => text.trim())) {
    if (line.startsWith('[') && line.endsWith(']')) section = line;
    const owner = section === '[X-Fleet]' ? /^Owner\s*=\s*(\S+)$/.exec(line)?.[1] : undefined;
    if (owner !== undefined) return owner;
  }
  return null;
}
