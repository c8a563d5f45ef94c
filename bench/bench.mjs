/** `npm run bench [-- --sizes 20,100 --rounds 9]`: what `fleet plan` costs, as ratios. See plan-cost.ts. */
import '../scripts/run-typescript.mjs';

const { benchPlans } = await import('./plan-cost.ts');
process.exitCode = await benchPlans(process.argv.slice(2));
