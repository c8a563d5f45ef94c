/** `npm run bench [-- --sizes 20,100 --rounds 9]`: what `fleet plan` costs, as ratios. See plan-cost.ts. */
import '../scripts/run-typescript.mjs';

if (process.argv.includes('--controller')) {
  const { benchController } = await import('./controller-cost.ts');
  process.exitCode = await benchController(process.argv.slice(2));
} else {
  const { benchPlans } = await import('./plan-cost.ts');
  process.exitCode = await benchPlans(process.argv.slice(2));
}
