/** `node bench/units.mjs`: what each way of asking systemd about N units costs, connection included. */
import { readOptions, withBenchHost } from './bench-host.ts';
import { tooFewRounds } from './limits.ts';
import { formatTable, median, milliseconds } from './table.ts';

const WAYS: readonly (readonly [string, string])[] = [
  ['connect', 'connect and ask one property'],
  ['list', 'ListUnitsByPatterns'],
  ['get-active-since', 'Get of a plain property, each unit'],
  ['get-need-reload', 'Get of NeedDaemonReload, each unit'],
  ['get-unit-file-state-property', 'Get of UnitFileState (kept), each unit'],
  ['GetUnitFileState', 'GetUnitFileState, each unit'],
  ['get-all', 'GetAll of Unit, each unit'],
  ['systemctl-show', 'systemctl show, one child for all'],
  ['observe-by-systemctl', 'fleet: all of it through systemctl'],
  ['observe', 'fleet: all of it over the bus'],
];

export async function benchUnits(argv: readonly string[]): Promise<number> {
  const { sizes, rounds } = readOptions(argv, [20, 100, 500]);
  const done = await withBenchHost(async ({ grow, onHost }) => {
    const columns: (readonly string[])[] = [];
    for (const count of sizes) {
      console.error(`bench: ${count} units, ${rounds} rounds …`);
      await grow(count);
      const samples = WAYS.map((): number[] => []);
      for (let round = 0; round < rounds; round += 1) {
        for (const [index, [way]] of WAYS.entries()) {
          samples[index]?.push(Number(await onHost(['ask', way, String(count)])));
        }
      }
      columns.push(samples.map((values) => milliseconds(median(values))));
    }
    const heading = ['question', ...sizes.map((size) => `${size} units`)];
    const rows = WAYS.map(([, title], index) => [title, ...columns.map((column) => column[index] ?? '')]);
    console.log(`systemd asked by a fresh process, medians of ${rounds} interleaved rounds, milliseconds\n`);
    console.log(formatTable([heading, ...rows]));
    const tooFew = tooFewRounds(rounds);
    if (tooFew !== null) console.log(`\n${tooFew}`);
    return tooFew === null;
  });
  return done === true ? 0 : 1;
}
