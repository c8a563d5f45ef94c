/** `node bench/units.mjs [--sizes 20,500 --rounds 9]`: what each question to systemd costs. See docs/systemd-cost.md. */
import '../scripts/run-typescript.mjs';

const { benchUnits } = await import('./unit-cost.ts');
process.exitCode = await benchUnits(process.argv.slice(2));
