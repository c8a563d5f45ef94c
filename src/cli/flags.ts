/** Every flag once, as data: the commands say which of them they take. Source: docs/contract.md, section 3. */
export interface FlagSpec {
  readonly short: string | null;
  /** Null: takes no value. */
  readonly value: string | null;
  readonly multiple: boolean;
  readonly help: string;
}

const flag = (help: string, short: string | null = null): FlagSpec => ({ short, value: null, multiple: false, help });
const option = (value: string, help: string, short: string | null = null): FlagSpec => ({
  short,
  value,
  multiple: false,
  help,
});
const list = (value: string, help: string): FlagSpec => ({ short: null, value, multiple: true, help });

export const FLAGS = {
  file: option('FILE', 'the roster (default ./fleet.yaml, $FLEET_FILE, ~/.config/fleet/fleet.yaml)', 'f'),
  host: option('NAME', 'only this host of the roster'),
  tenant: option('NAME', 'only this tenant of the roster'),
  target: list('ADDR', 'only this address, kind/name or agent, and what it needs; may be repeated'),
  exclude: list('ADDR', 'all but this address, kind/name or agent; may be repeated'),
  json: flag('JSON on stdout, nothing else'),
  'no-color': flag('no colours (also: NO_COLOR)'),
  verbose: flag('tell on stderr which programs are run and how long they take', 'v'),
  'log-format': option('text|json', 'how logs on stderr are written'),
  'detailed-exitcode': flag('exit 2 when changes are pending or deferred'),
  prune: flag('also stop and remove what is ours and no longer on the roster'),
  'allow-empty': flag('a roster without agents means that there shall be none'),
  'even-if-attached': flag('interrupt agents that someone is attached to'),
  'even-if-busy': flag('interrupt agents that are busy'),
  'max-destroy': option('N|N%', 'remove or stop no agent where more than so many would be; N%: of the agents in scope'),
  'max-disrupt': option('N|N%', 'interrupt no agent where more than so many would be; N%: of the agents in scope'),
  serial: option('SIZES', 'change agents in batches of these sizes, e.g. 1,5,20%; the last size repeats'),
  'max-fail': option('N|N%', 'begin nothing more once so many agents failed (with --serial: 1; N%: of the batch)'),
  observed: option('FILE', 'plan against a saved `fleet observe` document instead of the live host'),
  out: option('FILE', 'save the plan, for: fleet apply FILE', 'o'),
  git: option('REF', "follow this branch of the roster's checkout; only commits that descend from the one in force"),
  metrics: option('ADDRESS', 'serve Prometheus metrics: unix:PATH, or a loopback 127.0.0.1:PORT'),
  'lock-timeout': option(
    'D',
    'how long to wait for another fleet that changes this host (default 0s; 60s for fleet run)',
  ),
  all: flag('everything'),
  reason: option('TEXT', 'why; shown wherever it holds something back'),
  until: option('T', 'when it should be over: 2h, 2026-12-31 or 2026-12-31T18:00:00Z'),
  follow: flag('go on with what is written from now on', 'f'),
  yes: flag('do not ask', 'y'),
  help: flag('this text', 'h'),
  version: flag('the version of fleet'),
} as const satisfies Record<string, FlagSpec>;
export type FlagName = keyof typeof FLAGS;

/** Parts of the contract that this version does not have: refused, never silently ignored. */
export const LATER_FLAGS: readonly string[] = ['takeover', 'format'];

export const LATER_COMMANDS: readonly string[] = [
  'watch',
  'attach',
  'send',
  'tail',
  'beat',
  'diff',
  'report',
  'init',
  'import',
  'execute',
  'doctor',
];

/** Every command takes these. */
export const COMMON_FLAGS: readonly FlagName[] = ['no-color', 'verbose', 'log-format', 'help'];
/** Commands that read a roster and look at its agents take these too. */
export const ROSTER_FLAGS: readonly FlagName[] = ['file', 'host', 'tenant', 'json'];

export const flagSpec = (name: FlagName): FlagSpec => FLAGS[name];
/** `-f, --file FILE`. `verbose` and `yes` are documented by their letters, and go by their names too. */
export function formatFlag(name: FlagName): string {
  const spec = flagSpec(name);
  const short = spec.short === null ? '    ' : `-${spec.short}, `;
  return `${short}--${name}${spec.value === null ? '' : ` ${spec.value}`}`;
}
export const isFlagName = (name: string): name is FlagName => Object.hasOwn(FLAGS, name);
