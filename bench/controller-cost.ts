/**
 * `npm run bench -- --controller`: what `fleet run` takes and how fast it is, as ratios of one run. By `--parts` some of it
 * alone. Exits 1 while a limit is missed.
 */
import { parseArgs } from 'node:util';
import { type BenchHost, SOCKET, withBenchHost } from './bench-host.ts';
import { formatVerdicts, judge, type Measurements } from './limits.ts';
import { formatTable, median, milliseconds, percentile } from './table.ts';
import type { IdleCost, PassCost, SaveTimes } from './time-controller.ts';
import type { KillTimes } from './time-kills.ts';
import type { WeekCost } from './time-week.ts';

const PARTS = ['kills', 'saves', 'passes', 'idle', 'week'] as const;
type Part = (typeof PARTS)[number];

interface Options {
  readonly kills: number;
  readonly passes: number;
  readonly seconds: number;
  readonly saves: number;
  readonly days: number;
}

export async function benchController(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      controller: { type: 'boolean' },
      parts: { type: 'string', default: PARTS.join(',') },
      kills: { type: 'string', default: '200' },
      passes: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '300' },
      saves: { type: 'string', default: '100' },
      days: { type: 'string', default: '7' },
    },
  });
  const { kills, passes, seconds, saves, days } = values;
  const options = {
    kills: Number(kills),
    passes: Number(passes),
    seconds: Number(seconds),
    saves: Number(saves),
    days: Number(days),
  };
  const wanted = values.parts.split(',');
  let measured: Measurements = {};
  for (const part of PARTS.filter((name) => wanted.includes(name))) {
    console.error(`bench: ${part} …`);
    // A host each: one part's agents are another program than the next one's.
    const found = await withBenchHost((bench) => MEASURE[part](bench, options));
    if (found === null) return 1;
    measured = { ...measured, ...found };
  }
  const verdicts = judge(measured);
  console.log(`\n${formatVerdicts(verdicts)}`);
  return verdicts.every(({ held }) => held) ? 0 : 1;
}

const MEASURE: Readonly<Record<Part, (bench: BenchHost, options: Options) => Promise<Measurements>>> = {
  kills: async (bench, { kills }) => {
    const roster = await bench.growNoting(kills);
    const { plain, agent, ready } = (await bench.onHost(['kills', roster, String(kills), SOCKET])) as KillTimes;
    const columns = [50, 90, 99, 100];
    const row = (what: string, list: readonly number[]): readonly string[] => [
      what,
      ...columns.map((p) => milliseconds(percentile(list, p))),
    ];
    console.log(`from the end of an agent on, ${kills} agents once each, milliseconds\n`);
    console.log(
      formatTable([
        ['percentile', ...columns.map(String)],
        row('Restart=always: started', plain),
        row('fleet: started', agent),
        row('fleet: ready, less the settle time', ready),
      ]),
    );
    const ratio = (p: number): number => percentile(ready, p) / percentile(plain, p);
    return { ready50: ratio(50), ready99: ratio(99) };
  },
  saves: async (bench, { saves }) => {
    const roster = await bench.grow(20);
    const { effect, node } = (await bench.onHost(['saves', roster, String(saves)])) as SaveTimes;
    const row = (what: string, list: readonly number[]): readonly string[] => [
      what,
      ...[50, 90, 99].map((p) => milliseconds(percentile(list, p))),
    ];
    console.log(`from a roster that is saved to its first effect, 20 agents, ${effect.length} times, milliseconds\n`);
    console.log(formatTable([['percentile', '50', '90', '99'], row('node -e 0', node), row('first effect', effect)]));
    return { save99: percentile(effect, 99) / median(node) };
  },
  passes: async (bench, { passes }) => {
    const roster = await bench.grow(1_000);
    const { pass, early, took, node, mib } = (await bench.onHost(['passes', roster, String(passes)])) as PassCost;
    console.log(
      `a pass over 1,000 agents: ${milliseconds(pass)} ms of processor time (${milliseconds(early)} of the first ones), ${milliseconds(took)} ms until its status is written; ` +
        `node -e 0: ${milliseconds(node)} ms of processor time; resident ${mib.toFixed(0)} MiB`,
    );
    return { pass1000: pass / node };
  },
  idle: async (bench, { seconds }) => {
    const roster = await bench.grow(100);
    const { share, mib } = (await bench.onHost(['idle', roster, String(seconds)])) as IdleCost;
    console.log(`idle for ${seconds} s`);
    return { idle100: share * 100, resident100: mib };
  },
  week: async (bench, { days }) => {
    const roster = await bench.grow(100);
    const { resident, heap, passes } = (await bench.onHost(['week', roster, String(days)])) as WeekCost;
    const row = (what: string, list: readonly number[]): readonly string[] => [
      what,
      ...list.map((mib) => mib.toFixed(1)),
    ];
    console.log(`${days} days, ${passes} looks at 100 agents; MiB after each day\n`);
    console.log(
      formatTable([['day', ...heap.map((_, day) => String(day + 1))], row('heap', heap), row('resident', resident)]),
    );
    // That of this bench's own process is not the controller's; how it grows is.
    const grown = (list: readonly number[]): number => (list.at(-1) ?? Number.NaN) - (list[0] ?? Number.NaN);
    return { heapGrowth: grown(heap), residentGrowth: grown(resident) };
  },
};
