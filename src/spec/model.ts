/**
 * The roster after validation and normalisation: every default filled in, every agent complete. Plain readonly data.
 * Paths keep a leading `~/` as written (the home is known only on the host); durations are milliseconds.
 */
import type { SourcePosition } from './diagnostics.ts';

export type LayoutName = 'fleet' | 'mosaic';
export type Supervisor = 'systemd' | 'none';
export type Lifecycle = 'core' | 'ephemeral';
export type ManageMode = 'enforce' | 'warn' | 'observe';
export type OnChange = 'defer' | 'restart' | 'keep';

/** A tmux socket: the NAME of `tmux -L NAME`, or null for the user's default server (no -L). Never ''. */
export type SocketName = string | null;

export interface Roster {
  readonly path: string;
  /** Hex SHA-256 of the file's bytes. */
  readonly sha256: string;
  readonly fleet: string;
  readonly layout: LayoutName;
  readonly supervisor: Supervisor;
  readonly tmux: { readonly socketName: SocketName; readonly holderSession: string };
  /** Keyed by lower-cased name. `name` is as written. */
  readonly hosts: Readonly<Record<string, HostSpec>>;
  readonly tenants: Readonly<Record<string, TenantSpec>>;
  /** Built-in runtimes and the roster's own, by name. */
  readonly runtimes: Readonly<Record<string, RuntimeSpec>>;
  readonly agents: readonly AgentSpec[];
  readonly ignore: readonly IgnoreRule[];
}

export interface HostSpec {
  readonly name: string;
  /** ssh destination, or null: this machine when the name is its hostname. */
  readonly ssh: string | null;
}

export interface TenantSpec {
  readonly name: string;
  readonly user: string;
}

/** How a process is recognised as a runtime: see facts in docs/observing.md. Several keys are alternatives. */
export interface RuntimeMatch {
  /** Names (no slash) or absolute/`~/` paths of the executable. */
  readonly exe: readonly string[];
  /** Base names, or absolute/`~/` paths, of the script an interpreter runs. */
  readonly script: readonly string[];
  /** Names in the nearest package.json of the executable's or script's real path. */
  readonly packages: readonly string[];
}

export interface RuntimeSpec {
  readonly name: string;
  /** False for the built-in table. A roster entry with only a `reset_command` does not make a runtime its own. */
  readonly own: boolean;
  /** argv, or null where the roster gives none (mosaic: the launcher's own default; fleet: built-in's default argv). */
  readonly command: readonly string[] | null;
  readonly match: RuntimeMatch;
  /** Whether it writes heartbeats by itself. */
  readonly beats: boolean;
}

export interface HeartbeatSpec {
  readonly interval: number;
  readonly staleAfter: number;
  readonly required: boolean;
  readonly onStale: 'report' | 'restart';
}

export interface RestartSpec {
  readonly backoff: number;
  readonly maxBackoff: number;
  readonly limit: number;
  readonly window: number;
}

/** An environment value: plain, or read from a file on the host when the agent starts (never printed or stored). */
export type EnvValue =
  | { readonly kind: 'plain'; readonly value: string }
  | { readonly kind: 'secret'; readonly fromFile: string };

export interface AgentSpec {
  readonly name: string;
  /** Host and tenant names as used in addresses; null = this machine / the invoking user. */
  readonly host: string | null;
  readonly tenant: string | null;
  readonly runtime: string;
  readonly class: string;
  readonly lifecycle: Lifecycle;
  readonly state: 'running' | 'stopped';
  readonly stopped: { readonly by: string | null; readonly why: string | null } | null;
  readonly boot: boolean;
  /** The agent's own `socket`, else `tmux.socket_name`. */
  readonly socket: SocketName;
  /**
   * The argv to run: the agent's command, else the runtime's, with `args` appended. Null only in layout mosaic where
   * neither gives one and the launcher decides.
   */
  readonly argv: readonly string[] | null;
  /** True where the roster itself gives a command (on the agent or on a runtime of its own): then `_COMMAND` is written. */
  readonly commandGiven: boolean;
  readonly modelHint: string | null;
  /** By variable name, in roster order. */
  readonly env: Readonly<Record<string, EnvValue>>;
  readonly workingDirectory: string;
  /** Null: not stated; fleet then creates 200x50 and never compares it. */
  readonly window: { readonly width: number; readonly height: number } | null;
  readonly manage: ManageMode;
  readonly protect: boolean;
  readonly onChange: OnChange;
  readonly heartbeat: HeartbeatSpec;
  readonly restart: RestartSpec;
  readonly dependsOn: readonly string[];
  readonly wave: number;
  /** Mosaic fields that fleet carries but does not act on. */
  readonly persistentPersona: boolean | null;
  readonly resetBetweenTasks: boolean | null;
  /** Where the agent's entry begins in the roster. */
  readonly source: SourcePosition;
}

export interface IgnoreRule {
  /** `kind/name`, an agent's bare name, or a full address. */
  readonly target: string;
  /** RFC 6901 pointer into the resource's view, for example `/working_directory`; null = the whole resource. */
  readonly path: string | null;
  readonly reason: string;
  /** RFC 3339 date or date-time after which the rule no longer holds, or null. */
  readonly until: string | null;
  readonly source: SourcePosition;
}
