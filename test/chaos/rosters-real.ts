/** One round of `rosters` on a real tmux: a field changed, an invalid roster between, and the field changed back. */
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fleet } from '../../src/cli/fleet.ts';
import { openBench } from '../cli/harness.ts';
import { environ } from '../launcher/private-fleet.ts';
import { type RealHost, rosterOf } from '../reconcile/real-host.ts';
import { pick, type Random } from './random.ts';

export const BEFORE = ['{ name: a }', '{ name: b, env: { KEPT: "x y" } }', '{ name: c, args: ["-n"], wave: 1 }'];

/** By field; `%` stands for the entry without its braces. */
export const REAL_CHANGES: readonly (readonly [string, string])[] = [
  ...['other', 'deaf'].map((v) => ['runtime', `{ %, runtime: ${v} }`] as const),
  ...['#(touch x)', 'ünï'].map((v) => ['class', `{ %, class: "${v}" }`] as const),
  ...["[';', '#{x}']", "['$X', '%h', \"'\"]"].map((v) => ['args', `{ %, args: ${v} }`] as const),
  ...['{ A: b }', '{ TOKEN: { from_file: ~/token } }', '{ A: "%h $X #(x)" }'].map(
    (v) => ['env', `{ %, env: ${v} }`] as const,
  ),
  ...['~/wd', '/'].map((v) => ['working_directory', `{ %, working_directory: ${v} }`] as const),
  ...['opus', 'a b'].map((v) => ['model_hint', `{ %, model_hint: ${v} }`] as const),
  ['command', '{ %, command: [~/stub, more] }'],
  ['state', '{ %, state: stopped }'],
  ['lifecycle', '{ %, lifecycle: ephemeral }'],
  ['window', '{ %, window: { width: 90, height: 33 } }'],
  ['wave', '{ %, wave: 7 }'],
  ['heartbeat', '{ %, heartbeat: { interval: 5s } }'],
  ['on_change', '{ %, on_change: restart }'],
];
const INVALID = [
  '{ %, runtime: nobody }',
  '{ %, wave: first }',
  '{ %, nonsense: 1 }',
  '{ %, env: { A: 7 } }',
  '{ name: "A B" }',
];

export async function realRosterRound(host: RealHost, change: string, random: Random): Promise<string | null> {
  writeFileSync(join(host.home, 'token'), 'a secret\n');
  const index = Math.floor(random() * BEFORE.length);
  const edited = (entry: string) => BEFORE.map((b, i) => (i === index ? edit(b, entry) : b));
  const before = stateOf(host);
  const to = edited(change);
  const reached = await bring(host, to);
  if (reached !== null) return `to ${to[index]}: ${reached}`;
  const between = stateOf(host);
  const refused = await applyByCommand(host, edited(pick(random, INVALID)));
  if (refused !== 78 || stateOf(host) !== between) return `an invalid roster: exit ${refused}, ${stateOf(host)}`;
  const back = await bring(host, BEFORE);
  if (back !== null) return `back from ${to[index]}: ${back}`;
  const after = stateOf(host);
  return after === before ? null : `${to[index]}, and back: ${before} -> ${after}`;
}

/** A key that the entry has already is replaced. */
function edit(entry: string, by: string): string {
  const key = /%, (\w+):/.exec(by)?.[1] ?? '';
  const rest = entry.slice(2, -2).replace(new RegExp(`, ${key}: (\\{[^}]*\\}|\\[[^\\]]*\\]|[^,]*)`), '');
  return by.replace('%', rest);
}

/** Null where a second plan holds nothing more to change. */
async function bring(host: RealHost, agents: readonly string[]): Promise<string | null> {
  host.use(agents.map((a) => `  - ${a}`).join('\n'));
  const policy = { evenIfBusy: true, evenIfAttached: true };
  const { outcomes } = await host.apply(await host.plan(policy), 50);
  const failed = outcomes.filter((o) => o.outcome !== 'applied').map((o) => JSON.stringify(o));
  const left = (await host.plan(policy)).changes.map(
    (c) => `${c.action} ${c.address} (${c.reason}) ${c.evidence.join('; ')}`,
  );
  return [...failed, ...left].length === 0 ? null : [...failed, ...left].join(' | ');
}

async function applyByCommand(host: RealHost, agents: readonly string[]): Promise<number> {
  const bench = openBench({ env: { TMUX_TMPDIR: join(host.base, 'tmux') } });
  try {
    const user = { name: 'me', uid: process.getuid?.() ?? 0, home: host.home };
    const file = bench.file('fleet.yaml', rosterOf(agents.map((a) => `  - ${a}`).join('\n')));
    const { context } = bench.context({ user });
    return await fleet(['apply', '-y', '-f', file], context);
  } finally {
    bench.remove();
  }
}

/** What runs, with which words, where and with which variables; and every file that fleet writes for it. */
function stateOf(host: RealHost): string {
  const format = '#{session_name}\t#{@fleet_spec}\t#{pane_pid}\t#{window_width}x#{window_height}';
  const panes = host.tmux('list-panes', '-a', '-F', format).split('\n').toSorted();
  const running = panes.map((line) => {
    const [name, spec, pid = '', size] = line.split('\t');
    const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
    const { TMUX: _server, TMUX_PANE: _pane, ...env } = environ(Number(pid));
    return [name, spec, size, words, readlinkSync(`/proc/${pid}/cwd`), Object.entries(env).toSorted()];
  });
  const directory = join(host.home, '.config/fleet/agents');
  const files = readdirSync(directory)
    .toSorted()
    .map((name) => [name, readFileSync(join(directory, name), 'utf8')]);
  return JSON.stringify([running, files]);
}
