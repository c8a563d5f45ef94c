/**
 * The part of a bench that runs on the booted host, as the fleet's user. Prints JSON.
 *
 *   stage ROSTER            makes files, units, sessions and heartbeats of all agents that have none yet
 *   plans ROSTER ROUNDS     times `fleet plan`, `node -e 0`, the shell loop and `fleet validate`, in turn
 *   ask WHAT COUNT          times one way of asking systemd about COUNT units, in this fresh process
 *   kills ROSTER KILLS SOCKET, passes ROSTER PASSES, idle ROSTER SECONDS, saves ROSTER SAVES, week ROSTER DAYS: of the controller
 */
import { askSystemd } from './ask-systemd.ts';
import { stage } from './stage.ts';
import { timeIdle, timePasses, timeSaves } from './time-controller.ts';
import { timeKills } from './time-kills.ts';
import { timePlans } from './time-plans.ts';
import { liveWeek } from './time-week.ts';

async function main([what, ...args]: readonly string[]): Promise<unknown> {
  switch (what) {
    case 'stage':
      return stage(args[0] ?? '');
    case 'plans':
      return timePlans(args[0] ?? '', Number(args[1]));
    case 'ask':
      return askSystemd(args[0] ?? '', Number(args[1]));
    case 'kills':
      return timeKills(args[0] ?? '', Number(args[1]), args[2] ?? '');
    case 'passes':
      return timePasses(args[0] ?? '', Number(args[1]));
    case 'idle':
      return timeIdle(args[0] ?? '', Number(args[1]));
    case 'saves':
      return timeSaves(args[0] ?? '', Number(args[1]));
    case 'week':
      return liveWeek(args[0] ?? '', Number(args[1]));
    default:
      throw new Error(`bench: unknown part ${what}`);
  }
}

void main(process.argv.slice(2)).then((result) => process.stdout.write(JSON.stringify(result ?? null)));
