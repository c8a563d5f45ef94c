/**
 * What was seen on one host as one tenant, as plain JSON data (`fleet.observed`, format 1.0). Known or unknown per
 * source and, inside `tmux`, per server: there is no empty list that could mean "I could not look".
 * Times: `*_at` are RFC 3339 with milliseconds, `*_ms` Unix milliseconds, `created`/`activity` Unix seconds as tmux
 * gives them, `start_time` clock ticks since boot as /proc/PID/stat gives them (field 22).
 * It is longer than 300 lines because it is one document and is read as one.
 */

export type UnknownCode =
  | 'timeout' // deadline passed; a stopped tmux server hangs every client
  | 'denied' // permission, or tmux's "access not allowed" (exit 0)
  | 'not-installed' // no such program
  | 'no-runtime-directory' // XDG_RUNTIME_DIR of the user does not exist: no user manager
  | 'no-bus' // runtime directory there, nobody answers
  | 'foreign-runtime-directory' // belongs to another user
  | 'protocol' // another protocol version
  | 'garbage' // an answer that cannot be parsed, or is truncated
  | 'io' // read error: EIO, EMFILE, ENOSPC, …
  | 'too-large'
  | 'not-regular'
  | 'socket-deleted' // server alive, its socket file gone: cannot be asked
  | 'split-brain' // two live servers for one socket path: the answer would be one of them
  | 'not-observed'; // not looked at in this observation (narrowed, or a saved document of an older roster)

export type Known<T> = { readonly status: 'known'; readonly value: T };
export type Unknown = { readonly status: 'unknown'; readonly why: UnknownCode; readonly detail: string };
export type Source<T> = Known<T> | Unknown;

export interface Observed {
  readonly format_version: '1.0';
  readonly kind: 'fleet.observed';
  readonly host: string;
  readonly tenant: string;
  readonly observed_at: string;
  readonly boot_id: string | null;
  readonly sources: {
    readonly tmux: Source<TmuxObserved>;
    readonly units: Source<UnitsObserved>;
    readonly processes: Source<ProcessesObserved>;
    readonly files: Source<FilesObserved>;
    readonly linger: Source<LingerObserved>;
    readonly heartbeats: Source<HeartbeatsObserved>;
  };
}

// --- tmux ---------------------------------------------------------------------------------------------------------

export interface TmuxObserved {
  /** `tmux -V`'s version as the servers tell it (`#{version}`), null where no server runs. */
  readonly version: string | null;
  /** The roster's sockets first, then every other socket of this user that was found. */
  readonly servers: readonly TmuxServerObserved[];
  /** Live tmux servers of this user on sockets of other directories (another TMUX_TMPDIR): known to live, not asked. */
  readonly elsewhere: readonly { readonly path: string; readonly pid: number }[];
  /**
   * Why servers on sockets that nobody named, in this directory with their files gone or in another one, may live and not be
   * in `servers` or `elsewhere`: who listens on which socket could not be read. Null = all were seen.
   */
  readonly unseen_servers: Unknown | null;
  /** Live processes of this user that bear tmux's name, servers and clients, their sockets found or not. */
  readonly server_processes: readonly { readonly pid: number; readonly started_ms: number }[];
}

export interface TmuxServerObserved {
  /** Socket name, `default` for the user's default server. */
  readonly socket: string;
  readonly path: string;
  /** Live tmux server processes of this user that listen on `path`, from /proc/net/unix and the process table. */
  readonly listening: readonly LiveServer[];
  readonly server: TmuxServerState;
}

export type TmuxServerState =
  /** tmux said so in its own words, and nobody listens on the path. */
  | { readonly state: 'absent' }
  | {
      readonly state: 'running';
      readonly pid: number;
      /** `#{start_time}`, Unix seconds. */
      readonly start: number;
      /**
       * The agent that the server's own environment names, where it was started by one: its panes have that variable
       * without being that agent. Absent = none, or not readable.
       */
      readonly inherited_name?: string;
      readonly sessions: readonly TmuxSession[];
    }
  | { readonly state: 'unknown'; readonly why: UnknownCode; readonly detail: string };

export interface LiveServer {
  readonly pid: number;
  readonly start_time: number;
  /** The process's cgroup path as /proc/PID/cgroup tells it (v2 line, else the systemd hierarchy), or null. */
  readonly cgroup: string | null;
}

export interface TmuxSession {
  readonly id: string;
  readonly name: string;
  readonly created: number;
  /** Number of attached clients. */
  readonly attached: number;
  readonly activity: number;
  /** fleet's own mark, verified to be set on this very session (never inherited); null where there is none. */
  readonly mark: SessionMark | null;
  readonly panes: readonly TmuxPane[];
}

export interface SessionMark {
  /** The roster's `fleet:`. */
  readonly owner: string;
  /** Agent name, or the holder session's name. */
  readonly agent: string;
  /** `@fleet_spec`: fingerprint of what the session was started from. */
  readonly spec: string | null;
  /** `@fleet_pane`: id of the agent's pane. */
  readonly pane: string | null;
}

export interface TmuxPane {
  readonly id: string;
  readonly window_id: string;
  readonly window_activity: number | null;
  readonly pid: number | null;
  readonly tty: string | null;
  readonly dead: boolean;
  readonly dead_status: number | null;
  readonly dead_signal: string | null;
  readonly in_mode: boolean;
  readonly alternate_on: boolean;
  readonly width: number;
  readonly height: number;
  /** For people only: it lies (facts on runtimes). */
  readonly current_command: string;
  readonly runs: PaneRuns;
  /** A known trust, login or permission prompt on the screen. Only looked for in panes whose runtime has such prompts. */
  readonly prompt: { readonly id: string; readonly text: string } | null;
}

/** What runs in a pane, by the rule in docs/observing.md; never by a displayed name. */
export type PaneRuns =
  | {
      readonly verdict: 'runtime';
      readonly runtime: string;
      readonly strength: 'strong' | 'medium' | 'weak';
      /** Key into `processes`. */
      readonly pid: number;
      readonly evidence: string;
      /**
       * Other runtimes that this very process fits too, as where two entries of the roster start one program with
       * different arguments: the wanted runtime may be any of them. Absent = none.
       */
      readonly also?: readonly string[];
    }
  | { readonly verdict: 'shell'; readonly pid: number; readonly program: string }
  /** A program that no runtime matches. `program` is the base name of its executable, with script where one is known. */
  | { readonly verdict: 'other'; readonly pid: number; readonly program: string }
  | { readonly verdict: 'dead'; readonly status: number | null; readonly signal: string | null }
  /** The pane's process is gone or a zombie. */
  | { readonly verdict: 'gone' }
  | { readonly verdict: 'ambiguous'; readonly runtimes: readonly string[]; readonly evidence: string }
  /** Nested tmux, ssh, docker: cannot be seen into. */
  | { readonly verdict: 'opaque'; readonly program: string }
  /** Stopped (state T). */
  | { readonly verdict: 'suspended'; readonly pid: number; readonly runtime: string | null }
  | { readonly verdict: 'unknown'; readonly why: UnknownCode; readonly detail: string };

// --- processes ----------------------------------------------------------------------------------------------------

export interface ProcessesObserved {
  /** Kernel boot time, Unix milliseconds, to turn `start_time` into a time of day. */
  readonly booted_at_ms: number;
  readonly clock_ticks_per_second: number;
  /** Processes in the trees of observed panes, by pid. */
  readonly processes: Readonly<Record<string, ProcessObserved>>;
}

export interface ProcessObserved {
  readonly pid: number;
  readonly ppid: number;
  readonly pgrp: number;
  readonly start_time: number;
  readonly started_ms: number;
  readonly state: string;
  readonly comm: string;
  readonly exe: string | null;
  readonly cwd: Source<string>;
  readonly env: Source<ProcessEnv>;
}

/** Names only; values only of variables that the roster or the layout names and that are no secrets. */
export interface ProcessEnv {
  readonly keys: readonly string[];
  readonly values: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, SecretMatch>>;
}

/** Whether the live value equals the file's: never the value itself. */
export interface SecretMatch {
  readonly matches: boolean | 'unknown';
}

// --- units --------------------------------------------------------------------------------------------------------

export interface UnitsObserved {
  /** `Version` of the user manager. */
  readonly systemd_version: string | null;
  /** TMUX_TMPDIR as the manager's units are given it: where their sockets are, whatever the caller's says. */
  readonly tmux_tmpdir: string | null;
  /** By full unit name, instances never the template. Units that were asked for and do not exist are here too. */
  readonly units: Readonly<Record<string, UnitObserved>>;
  /** Targets that come up with `default.target`, itself included. */
  readonly boot_targets: readonly string[];
}

export interface UnitObserved {
  readonly name: string;
  /** LoadState: loaded, not-found, bad-setting, error, masked, … */
  readonly load_state: string;
  readonly active_state: string;
  readonly sub_state: string;
  /** UnitFileState as the disk has it now (never systemd's cached word alone); '' where systemd has none. */
  readonly unit_file_state: string;
  readonly need_daemon_reload: boolean;
  /** Result of the service: success, exit-code, start-limit-hit, … ; '' where not a service or never loaded. */
  readonly result: string;
  readonly fragment_path: string | null;
  readonly drop_in_paths: readonly string[];
  /** Type of a queued job, null where none. */
  readonly job: string | null;
  /** Targets whose `.wants` or `.requires` directory links it, over all of the manager's directories. */
  readonly wanted_by: readonly string[];
  /** Requires=, BindsTo=, PartOf= of it, other than what systemd adds by itself. */
  readonly requires: readonly string[];
  readonly binds_to: readonly string[];
  readonly part_of: readonly string[];
}

// --- files --------------------------------------------------------------------------------------------------------

export interface FilesObserved {
  /** From the user database, not from variables. */
  readonly user: { readonly name: string; readonly uid: number; readonly home: string };
  /** Files in `~/.config/systemd/user` that bear one of the layout's names, by file name. Asked for and absent: `absent`. */
  readonly unit_files: Readonly<Record<string, FileObserved>>;
  /** `NAME.env`, by agent: the roster's, and every other one in the layout's directory. */
  readonly env_files: Readonly<Record<string, EnvFileObserved>>;
  /** `NAME.argv` (layout fleet), by agent. */
  readonly argv_files: Readonly<Record<string, FileObserved>>;
  /** `~/.local/share/fleet/launch`. */
  readonly launcher: FileObserved;
  /** Working directories that the roster names, by the path as the roster writes it. */
  readonly directories: Readonly<Record<string, PathObserved>>;
  /** First words of the commands that the roster gives, by agent: where the launcher's PATH finds them. */
  readonly commands: Readonly<Record<string, PathObserved>>;
  /** Files with secrets that the roster names, by the path as the roster writes it; absent in documents of earlier versions. */
  readonly secret_files?: Readonly<Record<string, PathObserved>>;
}

export type FileObserved =
  | { readonly state: 'absent' }
  | {
      readonly state: 'present';
      readonly content: string;
      readonly mode: number;
      readonly modified_ms: number;
      /** The file is a symbolic link (systemd: to /dev/null is a mask). */
      readonly link_target: string | null;
    }
  | { readonly state: 'unknown'; readonly why: UnknownCode; readonly detail: string };

export type EnvFileObserved =
  | { readonly state: 'absent' }
  | {
      readonly state: 'present';
      /** All keys, in file order. */
      readonly keys: readonly string[];
      /** Parsed values of the layout's own keys only. */
      readonly own: Readonly<Record<string, string>>;
      readonly mode: number;
      readonly modified_ms: number;
      /** Hex SHA-256 of the bytes: apply merges into just this content or not at all. */
      readonly sha256: string;
    }
  | { readonly state: 'unknown'; readonly why: UnknownCode; readonly detail: string };

export type PathObserved =
  | { readonly state: 'found'; readonly real: string }
  | { readonly state: 'missing'; readonly detail: string }
  | { readonly state: 'unknown'; readonly why: UnknownCode; readonly detail: string };

export interface LingerObserved {
  readonly user: string;
  readonly enabled: boolean;
}

// --- heartbeats ---------------------------------------------------------------------------------------------------

export interface HeartbeatsObserved {
  /** By agent. */
  readonly agents: Readonly<Record<string, AgentHeartbeats>>;
}

export interface AgentHeartbeats {
  readonly directory: string;
  readonly beat: HeartbeatFile;
  /** `NAME.hb.native`, which wins when younger than two intervals. */
  readonly native: HeartbeatFile;
}

export type HeartbeatFile =
  | { readonly state: 'absent' }
  | {
      readonly state: 'present';
      readonly ts_ms: number;
      readonly pid: number | null;
      readonly status: 'ok' | 'busy' | null;
      readonly model: string | null;
      readonly seq: number | null;
      readonly note: string | null;
    }
  /** Torn, too large, not a regular file, not the tenant's, or not readable. */
  | { readonly state: 'unreadable'; readonly why: UnknownCode; readonly detail: string };
