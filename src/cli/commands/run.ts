import { isAbsolute, join } from 'node:path';
import type { RosterInForce } from '../../reconcile/control/roster-in-force.ts';
import { fileRoster } from '../../reconcile/roster/file-roster.ts';
import { gitRoster, refFiles } from '../../reconcile/roster/git-roster.ts';
import { lastGoodPath } from '../../reconcile/roster/last-good.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { type Arguments, type Failure, has, type RunCommand, value } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { hereIn } from '../place.ts';
import { policyOf } from '../planning.ts';
import { reportFailure } from '../report.ts';
import { findRoster } from '../roster-file.ts';
import { keepUp } from '../run/keep-up.ts';
import { followRoster, type RosterFeed } from '../run/roster-feed.ts';
import { type RunFlags, runFlags } from '../run/run-flags.ts';

export const run: RunCommand = async (args, context) => {
  const asked = parse(args, context);
  if (!asked.ok) return reportFailure(context, asked.error);
  const { path, ref, metrics } = asked.value;
  const copy = lastGoodPath(context.user.home, path, ref);
  const watched = ref === null ? [path] : await refFiles(path, ref, context.run);
  let first: RosterInForce | null = null;
  const feed = followRoster({
    read: ref === null ? fileRoster(path, context.now) : gitRoster(path, ref, context.run, copy),
    files: context.files,
    path,
    copy,
    now: () => new Date(context.now()).toISOString(),
    refuses: ({ roster }) => (first === null ? null : otherPlace(first, roster, context)),
  });
  const begun = await firstRoster(feed, path, context);
  if (!begun.ok) return reportFailure(context, begun.error);
  first = begun.value;
  return keepUp(
    {
      feed,
      first,
      here: hereIn(first.roster, context),
      rosterFiles: watched ?? [path],
      followsBranch: ref !== null,
      metrics,
      planPolicy: policyOf(args),
      json: has(args, 'json'),
    },
    context,
  );
};

interface Asked extends RunFlags {
  /** Absolute. */
  readonly path: string;
}

function parse(args: Arguments, context: Context): Result<Asked, Failure> {
  const found = findRoster(value(args, 'file'), context);
  if (!found.ok) return found;
  const path = isAbsolute(found.value) ? found.value : join(context.cwd, found.value);
  const flags = runFlags(args);
  return flags.ok ? ok({ path, ...flags.value }) : flags;
}

/** Milliseconds between two looks at a roster that is just being written. */
const SETTLES_MS = 50;

/** The roster as it is, or else the last good one; without either there is nothing to keep up. */
async function firstRoster(feed: RosterFeed, path: string, context: Context): Promise<Result<RosterInForce, Failure>> {
  for (let tries = 40; ; tries -= 1) {
    const { step, again } = await feed.refresh();
    if (again && tries > 0) {
      await context.delay(SETTLES_MS);
      continue;
    }
    if (step.inForce !== null) return ok(step.inForce);
    const message = `no roster to keep up, and no last good one is kept: ${path}`;
    return err({ code: EXIT.invalidRoster, message, remedy: `fleet validate ${path}` });
  }
}

/** Its state and its one controller go by these names: another of them is another controller. */
function otherPlace(first: RosterInForce, roster: RosterInForce['roster'], context: Context): string | null {
  const [before, now] = [hereIn(first.roster, context), hereIn(roster, context)];
  if (roster.fleet === first.roster.fleet && before.host === now.host && before.tenant === now.tenant) return null;
  const name = (fleet: string, { host, tenant }: typeof now): string => `${fleet} on ${host}/${tenant}`;
  return `it is ${name(roster.fleet, now)} now; this controller keeps ${name(first.roster.fleet, before)}: restart it`;
}
