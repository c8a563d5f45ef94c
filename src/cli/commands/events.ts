import { watchDirectories } from '../../observe/watch/directories.ts';
import type { ControlEvent } from '../../reconcile/control/events.ts';
import { parseControlEvent } from '../../reconcile/state/event-line.ts';
import { type EventsReader, readEvents } from '../../reconcile/state/events-reader.ts';
import { has, type RunCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { reportFailure } from '../report.ts';
import { stateOf } from '../state-place.ts';
import { formatEvent } from '../views/event-text.ts';

export const events: RunCommand = async (args, context) => {
  const place = stateOf(args.operands[0] ?? null, context);
  if (!place.ok) return reportFailure(context, place.error);
  const reader = readEvents(place.value.paths.events, parseControlEvent);
  const show = (event: ControlEvent): void =>
    context.stdout.write(has(args, 'json') ? `${JSON.stringify(event)}\n` : formatEvent(event, context.color()));
  try {
    const printed = print(reader, show, context);
    if (printed !== EXIT.done || !has(args, 'follow')) return printed;
    return await follow(place.value.paths.directory, () => print(reader, show, context), context);
  } finally {
    reader.close();
  }
};

function print(reader: EventsReader<ControlEvent>, show: (event: ControlEvent) => void, context: Context): ExitCode {
  const next = reader.next();
  if (!next.ok) {
    const { summary, detail, remedy } = next.error;
    return reportFailure(context, { code: EXIT.error, message: `${summary}: ${detail}`, remedy });
  }
  next.value.forEach(show);
  return EXIT.done;
}

/** Milliseconds; beside the events of the directory, which may not be there yet. */
const LOOK_AGAIN_MS = 1_000;

/** Until it is interrupted, which ends the process. */
async function follow(directory: string, more: () => ExitCode, context: Context): Promise<ExitCode> {
  let told: () => void = () => {};
  const watch = watchDirectories(
    (_directory, name) => (name === null || name.startsWith('events') ? told() : undefined),
    () => undefined,
  );
  try {
    for (;;) {
      watch.set(new Map([[directory, null]]));
      await Promise.race([
        context.delay(LOOK_AGAIN_MS),
        new Promise<void>((resolve) => {
          told = resolve;
        }),
      ]);
      const printed = more();
      if (printed !== EXIT.done) return printed;
    }
  } finally {
    watch.close();
  }
}
