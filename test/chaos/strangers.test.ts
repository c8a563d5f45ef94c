/**
 * Other people's sessions beside the fleet's, whatever is applied, pruned, adopted, forgotten or restarted: the same
 * servers, ids, creation times and processes afterwards.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tmuxLacking } from '../reconcile/real-host.ts';
import { AGENTS, SOCKET, StrangersWorld } from './strangers-world.ts';
import { chooseSeed, randomFrom, report, rounds } from './suite.ts';

const ROUNDS = rounds(100, 1_000);
const seed = chooseSeed();
const counts: Record<string, number> = {};
const count = (what: string): void => {
  counts[what] = (counts[what] ?? 0) + 1;
};
let world: StrangersWorld | null = null;
let violations = 0;
let made = 0;
const started = Date.now();
const lacking = tmuxLacking();

beforeAll(() => {
  if (lacking === null) world = new StrangersWorld();
});

afterAll(() => {
  world?.close();
  const seconds = Math.round((Date.now() - started) / 1000);
  if (lacking === null) report({ suite: 'strangers', rounds: made, violations, seed, seconds, counts });
});

test(`strangers live on as they were, ${ROUNDS} rounds from seed ${seed}`, async ({ skip }) => {
  if (world === null) return skip(lacking ?? 'no world');
  const w = world;
  const random = randomFrom(seed);
  const pick = <T>(list: readonly T[]): T => {
    const chosen = list[Math.floor(random() * list.length)];
    if (chosen === undefined) throw new Error('nothing to choose from');
    return chosen;
  };
  const chance = (p: number): boolean => random() < p;
  const before = w.foreign();
  expect(w.names.length).toBeGreaterThanOrEqual(30);
  counts['strangers'] = before.split('\n').filter((line) => line.includes('|')).length;

  /** Some agents, some of them stopped or protected; now and then none. */
  const newRoster = (): string => {
    const agents = chance(0.1) ? [] : AGENTS.filter(() => chance(0.6));
    const fields = (): string => (chance(0.15) ? ', state: stopped' : chance(0.1) ? ', protect: true' : '');
    w.roster(agents.map((a) => `name: ${a}${fields()}`));
    return `roster of ${agents.join(', ') || 'nobody'}`;
  };
  /** What a person does to the fleet's own sessions: the next apply repairs it. */
  const drift = (): string => {
    const agent = pick(['web', 'db'] as const);
    try {
      if (chance(0.5)) w.tmux(SOCKET, 'kill-session', '-t', `=${agent}`);
      else w.tmux(SOCKET, 'respawn-pane', '-k', '-t', `=${agent}:`, '/bin/sh', '-c', 'read x');
      count('drifted');
    } catch {
      // It does not live now.
    }
    return `drift of ${agent}`;
  };
  const command = async (argv: readonly string[]): Promise<string> => {
    const ran = await w.run(...argv);
    count(`${argv[0]} exit ${ran.code}`);
    for (const [what] of ran.stderr.matchAll(/(?<=^done {5})\w+ (?=\S+\/session\/)/gm))
      count(`sessions: ${what.trim()}`);
    expect(ran.stderr).not.toContain('This is a bug in fleet');
    return `${argv.join(' ')}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`;
  };
  const flags = (): readonly string[] =>
    ['--prune', '--allow-empty', '--even-if-busy', '--even-if-attached'].filter(() => chance(0.6));
  const addresses = [...w.names.filter((n) => n !== 'claimed' && !n.includes('/')), ...AGENTS.slice(0, 2)];

  const step = async (): Promise<string> => {
    const kind = random();
    if (kind < 0.15) return newRoster();
    if (kind < 0.3) return drift();
    if (kind < 0.33) {
      w.loseInventory();
      return 'inventory lost';
    }
    if (kind < 0.36) {
      const set = chance(0.4);
      w.markAllWindows(set);
      return set ? 'a mark for all windows' : 'no mark for all windows';
    }
    const argv =
      kind < 0.75
        ? ['apply', '-y', ...flags()]
        : kind < 0.9
          ? ['adopt', '-y', `${chance(0.7) ? 'session/' : ''}${pick(addresses)}`]
          : ['forget', `${chance(0.7) ? 'session/' : ''}${pick(addresses)}`];
    return command(argv);
  };

  const check = (did: string): void => {
    const after = w.foreign();
    if (after === before) return;
    violations += 1;
    expect(after, `round ${made} of seed ${seed}: ${did}`).toBe(before);
  };

  // One of each by order, so that each is among them whatever the seed: started, restarted, pruned.
  const force = ['--even-if-busy', '--even-if-attached'];
  w.roster(['name: web', 'name: db', 'name: claimed']);
  check(await command(['apply', '-y']));
  w.tmux(SOCKET, 'respawn-pane', '-k', '-t', '=web:', '/bin/sh', '-c', 'read x');
  check(await command(['apply', '-y', ...force]));
  w.roster(['name: web']);
  check(await command(['apply', '-y', '--prune', ...force]));
  for (; made < ROUNDS; made += 1) check(await step());
  // That nothing happened to them says something only where things happened beside them.
  for (const what of ['start', 'restart', 'stop']) expect(counts[`sessions: ${what}`] ?? 0, what).toBeGreaterThan(0);
});
