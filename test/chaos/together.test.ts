/**
 * Several applies at once, and a person who kills, makes and renames sessions meanwhile, on one real tmux server: at no
 * moment two sessions of an agent, nothing of the person's touched, and in the end a fleet as the roster wants it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Ran } from '../cli/harness.ts';
import { chooseSeed, progress, randomFrom, report, rounds } from './suite.ts';
import { AGENTS, type Session, World } from './together-world.ts';

const SEED = chooseSeed();
const ROUNDS = rounds(200, 2_000);
/** Worlds side by side: most of a round is waiting for agents to settle. */
const WORLDS = 16;
/** Applies, one after the other, after which there is nothing left to do. */
const ENOUGH = 3;
const directory = mkdtempSync(join(tmpdir(), 'fleet-together-'));
const program = join(directory, 'fleet-process.cjs');
const started = performance.now();
const counts: Record<string, number> = {};
const wrong: string[] = [];
const count = (what: string): void => {
  counts[what] = (counts[what] ?? 0) + 1;
};

beforeAll(() => {
  const entry = join(import.meta.dirname, 'fleet-process.ts');
  buildSync({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
  });
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
  const seconds = (performance.now() - started) / 1000;
  report({ suite: 'together', rounds: counts['rounds'] ?? 0, violations: wrong.length, seed: SEED, seconds, counts });
});

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

class Round {
  private readonly world: World;
  private readonly random: () => number;
  private readonly name: string;
  private readonly strays: Session[] = [];
  private readonly atWork: { readonly from: string; readonly to: string }[] = [];
  private over = false;

  constructor(world: World, random: () => number, name: string) {
    this.world = world;
    this.random = random;
    this.name = name;
  }

  async play(): Promise<void> {
    // Most rounds have few, some have eight.
    const many = 2 + Math.floor(this.random() ** 2 * 7);
    const applies = Array.from({ length: many }, (_, index) => this.apply(index, this.random() * 400));
    const hands = Array.from({ length: 1 + Math.floor(this.random() * 4) }, () =>
      this.hand(this.random() * 2_000, many),
    );
    const watching = this.watch();
    await Promise.all([...applies, ...hands]);
    this.over = true;
    await watching;
    this.oneWriter();
    await this.strayAreThere();
    await this.tidy();
    await this.converges();
    count('rounds');
    if ((counts['rounds'] ?? 0) % 100 === 0)
      progress('together', `${counts['rounds']} rounds, ${wrong.length} violations`);
  }

  private async apply(index: number, after: number): Promise<void> {
    const patience = this.random() < 0.6 ? ['--lock-timeout', '20m'] : [];
    await pause(after);
    count('applies');
    const ran = await this.world.fleet(index, 'apply', '-y', '--json', ...patience);
    if (ran === null) {
      count('killed -9');
      return;
    }
    count(`exit ${ran.code}`);
    const began = eventsOf(ran).find((event) => event['event'] === 'started')?.['at'];
    if (typeof began === 'string') this.atWork.push({ from: began, to: String(lastLine(ran)['at']) });
    if (![0, 3, 4, 5, 6, 7].includes(ran.code) && !this.failedAlone(ran)) this.say(`apply ended with ${ran.code}`, ran);
    if (lastLine(ran)['exit_code'] !== ran.code) this.say('the last line is no summary', ran);
    if (ran.code === 6 && patience.length > 0) this.say('twenty minutes were not enough', ran);
  }

  /** Exit 1 where all that was tried failed before its effect: the person was faster. */
  private failedAlone(ran: Ran): boolean {
    const { failed, failed_begun: begun, applied } = lastLine(ran);
    return ran.code === 1 && applied === 0 && begun === 0 && Number(failed) > 0;
  }

  private async hand(after: number, applies: number): Promise<void> {
    await pause(after);
    const agent = AGENTS[Math.floor(this.random() * AGENTS.length)] ?? 'one';
    const what = Math.floor(this.random() * 6);
    if (what === 0) {
      count('session killed');
      await this.world.tmux('kill-session', '-t', `=${agent}`);
    } else if (what === 1) {
      count('session replaced');
      await this.world.tmux('kill-session', '-t', `=${agent}`);
      await this.stray(agent);
    } else if (what === 2) {
      count('session renamed');
      await this.world.tmux('rename-session', '-t', `=${agent}`, `${agent}-renamed`);
    } else if (what === 3) {
      count('holder killed');
      await this.world.tmux('kill-session', '-t', '=_holder');
    } else if (what === 4) {
      this.world.kill(Math.floor(this.random() * applies));
    } else {
      count('session made');
      await this.stray(`stray-${Math.floor(this.random() * 1e9)}`);
    }
  }

  private async stray(name: string): Promise<void> {
    const words = ['-d', '-P', '-F', '#{session_id}\t#{session_created}', '-s', name, 'sleep 1000000'];
    const [id = '', created = ''] = (await this.world.tmux('new-session', ...words)).split('\t');
    if (id !== '') this.strays.push({ id, name, created, agent: null });
  }

  private async watch(): Promise<void> {
    while (!this.over) {
      this.oneEach(await this.world.sessions());
      await pause(300);
    }
  }

  /** From the first change to the summary: no two at the same time. */
  private oneWriter(): void {
    const byTime = [...this.atWork].sort((a, b) => a.from.localeCompare(b.from));
    for (const [index, { from }] of byTime.entries()) {
      const before = byTime[index - 1];
      if (before !== undefined && before.to > from) this.say(`two at work: one until ${before.to}, one from ${from}`);
    }
  }

  private oneEach(sessions: readonly Session[]): void {
    for (const agent of AGENTS) {
      const those = sessions.filter((s) => s.agent === agent);
      if (those.length > 1) this.say(`${agent} has ${those.map((s) => `${s.name} ${s.id}`).join(' and ')}`);
    }
  }

  /** The person kills nothing of that name later on, so all of them are there, as they were. */
  private async strayAreThere(): Promise<void> {
    const now = await this.world.sessions();
    for (const { id, name, created } of this.strays) {
      const there = now.find((s) => s.id === id && s.created === created);
      if (there === undefined && !AGENTS.some((a) => a === name)) this.say(`${name} is gone`);
    }
  }

  /** What stands in the way of the roster is the person's to remove. */
  private async tidy(): Promise<void> {
    for (const { id } of this.strays) await this.world.tmux('kill-session', '-t', id);
    for (const agent of AGENTS) await this.world.tmux('kill-session', '-t', `=${agent}-renamed`);
  }

  private async converges(): Promise<void> {
    let ran: Ran | null = null;
    for (let times = 0; times < ENOUGH; times++) {
      ran = await this.world.fleet(0, 'apply', '-y', '--json');
      if (ran?.code === 0) break;
    }
    if (ran?.code !== 0) this.say(`not as wanted after ${ENOUGH} applies`, ran);
    const sessions = await this.world.sessions();
    const ours = sessions.filter((s) => s.agent !== null && s.agent !== '_holder').map((s) => s.name);
    if (ours.sort().join() !== [...AGENTS].sort().join()) this.say(`in the end there are ${ours.join()}`);
  }

  private say(what: string, ran: Ran | null = null): void {
    const said = ran === null ? '' : `\n${ran.stderr}${ran.stdout.split('\n').slice(-4).join('\n')}`;
    wrong.push(`${this.name}: ${what}${said}`);
  }
}

type Line = Readonly<Record<string, unknown>>;

function eventsOf(ran: Ran): readonly Line[] {
  const lines = ran.stdout.split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}

const lastLine = (ran: Ran): Line => eventsOf(ran).at(-1) ?? {};

async function playIn(index: number): Promise<void> {
  const random = randomFrom(SEED + index);
  const world = new World(directory, program);
  try {
    for (let round = index; round < ROUNDS; round += WORLDS) {
      await new Round(world, random, `world ${index}, round ${round}`).play();
    }
  } finally {
    await world.close();
  }
}

test(`applies and a person on one world, ${ROUNDS} rounds (seed ${SEED})`, async () => {
  await Promise.all(Array.from({ length: WORLDS }, (_, index) => playIn(index)));
  expect(wrong.slice(0, 10)).toEqual([]);
  expect(counts['rounds']).toBe(ROUNDS);
});
