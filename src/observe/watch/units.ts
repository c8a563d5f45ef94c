/**
 * What the user's manager tells of units: a property that changed, a job that ended, unit files that were enabled or
 * loaded anew. A oneshot unit says nothing when what it started dies: for that there are terminals and processes.
 */
import type { BusFailure } from '../systemd/bus.ts';
import { unitObjectPath } from '../systemd/bus-questions.ts';
import type { BusMessage } from '../systemd/message.ts';
import { openSignals } from '../systemd/signals.ts';
import type { Clock } from './clock.ts';
import type { SourceListener, Watch } from './trigger.ts';

export interface UnitWatch extends Watch {
  /** Names of the units whose triggers are wanted. */
  readonly set: (units: Iterable<string>) => void;
}

const READY_WITHIN_MS = 5_000;
/** First and longest wait before a bus that was lost is asked for again. Milliseconds. */
const RETRY_MS = { first: 1_000, longest: 30_000 };

export function watchUnits(path: string, uid: number, listener: SourceListener, clock: Clock): UnitWatch {
  let names = new Map<string, string>();
  let wait = RETRY_MS.first;
  let retry: (() => void) | null = null;
  let told: string | null | undefined;
  let connection: { readonly close: () => void } | null = null;
  const state = (detail: string | null): void => {
    if (detail === told) return;
    told = detail;
    listener.onState({ source: 'units', live: detail === null, detail });
  };
  const open = (): void => {
    retry = null;
    connection = openSignals(path, uid, READY_WITHIN_MS, {
      onReady: () => {
        wait = RETRY_MS.first;
        state(null);
        // What happened before, or while it was away, was not told.
        listener.onTrigger({ on: 'unit', unit: null });
      },
      onSignal: (signal) => {
        const unit = unitOf(signal, names);
        if (unit !== undefined) listener.onTrigger({ on: 'unit', unit });
      },
      onEnd: (why: BusFailure) => {
        connection = null;
        state(`${why.why}: ${why.detail}`);
        retry = clock.after(wait, open);
        wait = Math.min(wait * 2, RETRY_MS.longest);
      },
    });
  };
  open();
  return {
    set: (units) => {
      names = new Map([...units].map((unit) => [unitObjectPath(unit), unit]));
    },
    close: () => {
      retry?.();
      connection?.close();
    },
  };
}

/** Undefined: of no unit that is wanted. */
function unitOf(signal: BusMessage, names: ReadonlyMap<string, string>): string | null | undefined {
  switch (signal.member) {
    case 'PropertiesChanged':
      return names.get(signal.path);
    case 'JobRemoved': {
      if (signal.signature !== 'uoss') return undefined;
      signal.body.uint32();
      signal.body.string();
      const unit = signal.body.string();
      return [...names.values()].includes(unit) ? unit : undefined;
    }
    case 'UnitFilesChanged':
      return null;
    case 'Reloading':
      // Told twice: true when it begins, false when all is loaded.
      return signal.signature === 'b' && !signal.body.boolean() ? null : undefined;
    default:
      return undefined;
  }
}
