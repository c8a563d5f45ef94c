/** What apply is killed at: each begins with a fleet that is well, breaks it or changes its roster, and is applied. */
import { type KilledFleet, SOCKET } from './killed-fleet.ts';

export interface Workload {
  readonly name: string;
  /** Agents of the roster that is applied first; none: nothing is there. */
  readonly before: readonly string[];
  /** What happens then. */
  readonly change: (fleet: KilledFleet) => void;
  readonly flags?: readonly string[];
  /** What is done before apply, each once and until it is done: commands of fleet. */
  readonly first?: readonly (readonly string[])[];
}

const names = (count: number, from = 1): readonly string[] =>
  Array.from({ length: count }, (_, i) => `name: a${i + from}`);
const kill = (fleet: KilledFleet, session: string): void => {
  fleet.tmux(SOCKET, 'kill-session', '-t', `=${session}`);
};
const FILES = '.config/fleet/agents';

export const WORKLOADS: readonly Workload[] = [
  { name: 'first apply', before: [], change: (f) => f.roster(names(3)) },
  {
    name: 'runtime change',
    before: names(3),
    change: (f) => f.roster(names(3).map((agent) => `${agent}, runtime: other`)),
    flags: ['--even-if-busy'],
  },
  { name: 'reboot', before: names(7), change: (f) => f.tmux(SOCKET, 'kill-server') },
  { name: 'prune', before: names(5), change: (f) => f.roster(names(2)), flags: ['--prune', '--even-if-busy'] },
  {
    name: 'rename',
    before: names(4),
    change: (f) => f.roster([...names(2), ...names(2, 8)]),
    flags: ['--prune', '--even-if-busy'],
  },
  {
    name: 'wave of five',
    before: ['name: base'],
    change: (f) => f.roster(['name: base', ...names(5).map((agent, i) => `${agent}, wave: ${i % 3}`)]),
  },
  {
    name: 'environment and secret',
    before: names(4),
    change: (f) => {
      f.write('token', 'sesame\n');
      f.roster(
        names(4).map((agent, i) => `${agent}, env: ${i % 2 ? '{ TOKEN: { from_file: ~/token } }' : '{ MODE: new }'}`),
      );
    },
    flags: ['--even-if-busy'],
  },
  {
    name: 'holder and sessions lost',
    before: [...names(7), 'name: stays'],
    change: (f) => {
      for (const session of ['_holder', ...names(7).map((agent) => agent.slice('name: '.length))]) kill(f, session);
    },
  },
  {
    name: 'shrink to stopped',
    before: names(9),
    change: (f) => f.roster([...names(1), ...names(8, 2).map((agent) => `${agent}, state: stopped`)]),
    flags: ['--even-if-busy'],
  },
  {
    name: 'adopt',
    before: ['name: stays'],
    change: (f) => {
      // Their environment says nothing of fleet, which is no reason to restart them.
      f.roster(['name: stays', ...names(4).map((agent) => `${agent}, on_change: keep`)]);
      // As agents were started before there was fleet: by hand, without its mark.
      for (const agent of names(4)) f.startByHand(agent.slice('name: '.length));
    },
    first: names(4).map((agent) => ['adopt', '-y', `session/${agent.slice('name: '.length)}`]),
  },
  {
    name: 'files lost',
    before: names(4),
    change: (f) => {
      f.remove('.local/share/fleet/launch');
      for (const n of [1, 2, 3, 4]) {
        f.remove(`${FILES}/a${n}.argv`);
        f.write(`${FILES}/a${n}.env`, '# by hand\n');
      }
    },
  },
];
