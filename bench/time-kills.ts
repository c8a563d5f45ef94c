/** From an agent's end to its session running again, beside a plain unit of the same program with `Restart=always`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { followLines, HOME, now, pause, STATE, startController, stopController, systemctl } from './controller-host.ts';

export interface KillTimes {
  /** Milliseconds from the kill to the program's first word. */
  readonly plain: readonly number[];
  readonly agent: readonly number[];
  /** From the kill to fleet's word that the agent is ready, less the settle time. */
  readonly ready: readonly number[];
}

/** How long an agent must be up until it is called ready. Milliseconds. */
const SETTLE_MS = 2_000;

export async function timeKills(roster: string, kills: number, socket: string): Promise<KillTimes> {
  startPlain(kills);
  startController(roster);
  const starts = followLines(`${HOME}/starts/log`);
  const events = followLines(`${STATE}/events.jsonl`);
  const times = { plain: [0], agent: [0], ready: [0] };
  for (const list of Object.values(times)) list.pop();
  await pause(3_000);
  for (let index = 1; index <= kills; index += 1) {
    const number = String(index).padStart(4, '0');
    const plain = `plain-${number}`;
    const unit = Number(systemctl('show', '-P', 'MainPID', `bench-plain@${number}.service`));
    const unitKilled = now();
    process.kill(unit, 'SIGKILL');
    times.plain.push((await starts.next((line) => line === plain)).at - unitKilled);
    const agent = `agent-${number}`;
    const pane = Number(
      execFileSync('tmux', ['-L', socket, 'display-message', '-p', '-t', `=${agent}:`, '#{pane_pid}'], {
        encoding: 'utf8',
      }),
    );
    const killed = now();
    process.kill(pane, 'SIGKILL');
    times.agent.push((await starts.next((line) => line === agent)).at - killed);
    const ready = await events.next((line) => line.includes(`/session/${agent}"`) && line.includes('"repaired"'));
    times.ready.push(ready.at - killed - SETTLE_MS);
  }
  starts.close();
  events.close();
  stopController();
  systemctl('stop', 'bench-plain@*.service');
  return times;
}

function startPlain(count: number): void {
  const unit = '[Service]\nExecStart=%h/agent\nEnvironment=FLEET_AGENT_NAME=plain-%i\nRestart=always\n';
  mkdirSync(`${HOME}/.config/systemd/user`, { recursive: true });
  writeFileSync(`${HOME}/.config/systemd/user/bench-plain@.service`, unit);
  systemctl('daemon-reload');
  const units = Array.from({ length: count }, (_, i) => `bench-plain@${String(i + 1).padStart(4, '0')}.service`);
  systemctl('start', ...units);
}
