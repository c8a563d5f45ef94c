/** `linger/USER`: the user manager comes up at boot and outlives logins. By name: it then works outside a login. */
import type { Change } from '../../diff/plan.ts';
import type { EffectContext } from '../context.ts';
import { asWanted, type Effect, made, notAsWanted, refused, type Verdict } from '../effect.ts';
import { failure } from '../outcome.ts';
import { lookBefore } from './look.ts';
import { pollObserved } from './poll.ts';
import { ending, words } from './programs.ts';

/** logind starts the manager right away; a slow host takes a few seconds. Milliseconds. */
const MANAGER_DEADLINE_MS = 30_000;

export const linger: Effect = async (ctx, change) => {
  const before = await lookBefore(ctx, change);
  if (before.result !== 'go') return before.ended;
  const user = ctx.user.name;
  const result = await ctx.ports.run('loginctl', ['--no-ask-password', 'enable-linger', user], { deadlineMs: 30_000 });
  if (result.kind === 'failed' || result.code !== 0) {
    const remedy = `as root: loginctl enable-linger ${user}`;
    return refused(failure('linger-refused', 'Linger could not be switched on', ending(result), remedy, words(result)));
  }
  const managerWasDown = before.seen.sources.units.status === 'unknown';
  return made(() => verify(ctx, change, managerWasDown));
};

async function verify(ctx: EffectContext, change: Change, awaitManager: boolean): Promise<Verdict> {
  if (awaitManager) ctx.waiting(change, `the user manager of ${ctx.user.name}`);
  let last = 'it was not looked at';
  const verdict = await pollObserved(ctx, [], awaitManager ? MANAGER_DEADLINE_MS : 0, (seen) => {
    const { linger, units } = seen.sources;
    if (linger.status === 'unknown') last = `linger: ${linger.detail}`;
    else if (!linger.value.enabled) last = `linger of ${linger.value.user} is off still`;
    else if (awaitManager && units.status === 'unknown') last = `the user manager: ${units.detail} (${units.why})`;
    else return asWanted(`linger of ${linger.value.user} is on`);
    return null;
  });
  const remedy = `loginctl user-status ${ctx.user.name}`;
  return verdict ?? notAsWanted(failure('linger-not-as-wanted', 'Linger is not as wanted', last, remedy));
}
