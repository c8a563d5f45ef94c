/**
 * The part of a bench that runs on the booted host, as the fleet's user. Prints JSON.
 *
 *   stage ROSTER            makes files, units, sessions and heartbeats of all agents that have none yet
 *   plans ROSTER ROUNDS     times `fleet plan`, `node -e 0`, the shell loop and `fleet validate`, in turn
 *   ask WHAT COUNT          times one way of asking systemd about COUNT units, in this fresh process
 */
import { askSystemd } from './ask-systemd.ts';
import { stage } from './stage.ts';
import { timePlans } from './time-plans.ts';

async function main([what, ...args]: readonly string[]): Promise<unknown> {
  switch (what) {
    case 'stage':
      return stage(args[0] ?? '');
    case 'plans':
      return timePlans(args[0] ?? '', Number(args[1]));
    case 'ask':
      return askSystemd(args[0] ?? '', Number(args[1]));
    default:
      throw new Error(`bench: unknown part ${what}`);
  }
}

void main(process.argv.slice(2)).then((result) => process.stdout.write(JSON.stringify(result ?? null)));
