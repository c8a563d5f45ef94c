/**
 * What sources of events have in common. A trigger says where to look again and carries nothing of what was seen: what
 * is done comes from looking, so that a lost or a false trigger costs time and never a wrong action.
 */
export type Trigger =
  | { readonly on: 'roster' }
  /** A pause, a reset, or the file that stops every action. */
  | { readonly on: 'wish' }
  /** Null: any of them may have changed. */
  | { readonly on: 'unit'; readonly unit: string | null }
  /** A pseudo terminal was made or is gone, `/dev/pts/N`. */
  | { readonly on: 'terminal'; readonly path: string }
  /** A process that was watched is gone. */
  | { readonly on: 'process'; readonly pid: number }
  /** A heartbeat file was replaced. Null: any of them may have been. */
  | { readonly on: 'heartbeat'; readonly agent: string | null };

export type SourceName = 'roster' | 'wishes' | 'units' | 'terminals' | 'processes' | 'heartbeats';

export interface SourceState {
  readonly source: SourceName;
  /** False: nothing comes from it by itself, it is polled. */
  readonly live: boolean;
  /** Why it is not live; null where it is. */
  readonly detail: string | null;
}

export interface SourceListener {
  readonly onTrigger: (trigger: Trigger) => void;
  /** Told at first, and again whenever it changes. */
  readonly onState: (state: SourceState) => void;
}

export interface Watch {
  /** No trigger comes any more. */
  readonly close: () => void;
}
