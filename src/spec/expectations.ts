/**
 * What each value of the roster is expected to be, in words, with what to write instead. The schema names an
 * expectation by its id (as zod's error message), so that a rule and its words cannot drift apart.
 */

export interface Expectation {
  readonly text: string;
  /** What to write instead of `value`, or null where nothing sensible can be said. */
  readonly remedy?: (value: unknown) => string | null;
}

const inQuotes = (value: unknown): string | null =>
  typeof value === 'number' || typeof value === 'boolean' ? 'write it in quotes, as it should read' : null;

/** Where a string was given for an argv: the argv it most likely meant. Nothing that a shell would expand is guessed at. */
function asArgv(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const words = value.trim().split(/\s+/);
  const plain = /^[A-Za-z0-9_@%+=:./~-]+$/;
  if (words.every((word) => plain.test(word))) return `write it as a list: [${words.join(', ')}]`;
  return `a shell line needs its shell: [bash, -lc, ${JSON.stringify(value)}]`;
}

function asDirectory(value: unknown): string | null {
  if (value === null) return 'a lone ~ is nothing in YAML; write "~" in quotes for the home directory';
  if (typeof value !== 'string') return inQuotes(value);
  const fromHome = /^\$(?:HOME|\{HOME\})(\/.*)?$/.exec(value);
  if (fromHome !== null) return `variables are not expanded; write ~${fromHome[1] ?? ''}`;
  if (/^~[^/]/.test(value)) return 'only its own home can be abbreviated; write the path from /';
  // A control character is what is wrong with it: no path with it is suggested.
  if (value.startsWith('~') || value.startsWith('/') || /\p{Cc}/u.test(value)) return null;
  return value === '' || value.startsWith('-') ? null : `write ~/${value.replace(/^\.\//, '')} or the path from /`;
}

const asDuration = (value: unknown): string | null =>
  typeof value === 'number' ? `give the unit: ${value}s, ${value}m or ${value}h` : null;

const asSocket = (value: unknown): string | null =>
  typeof value === 'string' && value.includes('/')
    ? 'give the name that `tmux -L` takes, not a path'
    : (inQuotes(value) ?? (value === null ? 'leave the line out for the default server' : null));

const asName = (value: unknown): string | null =>
  typeof value === 'string' ? suggestName(value, /^[a-z0-9]/) : inQuotes(value);

/** A name made to fit: lower case, everything else a dash. */
export function suggestName(value: string, start: RegExp): string | null {
  let fitting = value.toLowerCase().replace(/[^a-z0-9_-]+/g, '-');
  while (fitting !== '' && !start.test(fitting)) fitting = fitting.slice(1);
  fitting = fitting.slice(0, 31).replace(/-+$/, '');
  return fitting === '' || fitting === value ? null : `rename it, for example ${fitting}`;
}

/** Truth in YAML 1.1, text in 1.2. */
const YES_NO: Readonly<Record<string, string>> = {
  yes: 'write true',
  on: 'write true',
  true: 'write true, without quotes',
  no: 'write false',
  off: 'write false',
  false: 'write false, without quotes',
};

export const EXPECTED = {
  roster: {
    text: 'a mapping with `version` and `agents`',
    remedy: () => 'start from the sample fleet.yaml',
  },
  mapping: {
    text: 'a mapping of keys and values',
    remedy: (value: unknown) => (value === null ? 'write {} where it is meant to be empty' : null),
  },
  agents: {
    text: 'a list of agents',
    remedy: (value: unknown) => (value === null ? 'write `agents: []` where there are none' : null),
  },
  list: { text: 'a list', remedy: (value: unknown) => (value === null ? 'write [] where it is empty' : null) },
  version: { text: 'the number 1', remedy: () => 'write `version: 1`' },
  transport: { text: 'tmux', remedy: () => 'write `transport: tmux`, or leave it out' },
  boolean: {
    text: 'true or false',
    remedy: (value: unknown) => (typeof value === 'string' ? (YES_NO[value.toLowerCase()] ?? null) : null),
  },
  text: { text: 'text', remedy: inQuotes },
  line: { text: 'text on one line, without control characters', remedy: inQuotes },
  fleet: { text: 'a name of a-z, 0-9 and -, up to 31, the first no -', remedy: asName },
  holder: {
    text: 'a session name that tmux keeps as it is: A-Z, a-z, 0-9, _ and -, up to 63, the first no -',
    remedy: asName,
  },
  socket: { text: 'a socket name as `tmux -L` takes it: A-Z, a-z, 0-9, _ . and -, up to 64', remedy: asSocket },
  hostName: { text: 'a host name: A-Z, a-z, 0-9, . _ and -, the first a letter or digit', remedy: inQuotes },
  ssh: { text: 'an ssh destination such as user@host, without options or blanks', remedy: inQuotes },
  tenantName: { text: 'a name of a-z, 0-9, _ and -, up to 32, the first no -', remedy: asName },
  user: { text: 'the name of a Linux user', remedy: inQuotes },
  runtimeName: { text: 'a name of a-z, 0-9, . _ and -, up to 63, the first a letter or digit', remedy: asName },
  variable: {
    text: 'a variable name: A-Z, a-z, 0-9 and _, the first no digit',
    remedy: (value: unknown) =>
      typeof value === 'string' && /^[A-Za-z0-9_.\- ]+$/.test(value)
        ? `write ${value.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=[0-9])/, '_')}`
        : null,
  },
  envValue: { text: 'text, or { from_file: PATH }', remedy: inQuotes },
  argv: { text: 'an argv, the list of program and arguments', remedy: asArgv },
  program: {
    text: 'the program: a name looked up in PATH, or a path from / or ~/',
    remedy: (value: unknown) =>
      typeof value === 'string' && value.includes('/') ? asDirectory(value) : inQuotes(value),
  },
  argument: { text: 'text as one argument', remedy: inQuotes },
  directory: { text: 'a directory from / or ~/, without control characters', remedy: asDirectory },
  file: { text: 'a file from / or ~/', remedy: asDirectory },
  matchName: { text: 'a name, or a path from / or ~/', remedy: inQuotes },
  matchNames: { text: 'a name or a list of names', remedy: inQuotes },
  packageName: { text: 'the name in a package.json, such as @scope/name', remedy: inQuotes },
  duration: { text: 'a duration such as 500ms, 15s, 10m or 1h, at most a year', remedy: asDuration },
  interval: { text: 'a duration above zero such as 15s, at most a year', remedy: asDuration },
  count: { text: 'a whole number from 1 to 1000' },
  wave: { text: 'a whole number from -1000 to 1000' },
  cells: { text: 'a whole number from 1 to 10000' },
  agentName: { text: 'the name of an agent', remedy: inQuotes },
  pointer: {
    text: 'a JSON pointer such as /working_directory',
    remedy: (value: unknown) => (typeof value === 'string' && !value.startsWith('/') ? `write /${value}` : null),
  },
  until: { text: 'a date such as 2026-12-31, or an RFC 3339 date and time', remedy: inQuotes },
  resetCommand: { text: 'text, or a list of texts', remedy: inQuotes },
} satisfies Readonly<Record<string, Expectation>>;

export type ExpectationId = keyof typeof EXPECTED;

export function expectation(id: string): Expectation | null {
  return Object.hasOwn(EXPECTED, id) ? EXPECTED[id as ExpectationId] : null;
}
