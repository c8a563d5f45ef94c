/**
 * Which programs run another program's text, and which word of their command line names it. Data first: the options
 * that take a value differ, and `node --import x script.js` must not be taken for a script named `x`.
 * Sources: `node --help` (20, 24), `python3 --help`, `bash --help`, perlrun(1), ruby(1), bun and deno's own help.
 */

/** What an interpreter was told to run. */
export type Interpreted =
  /** A file, as written on the command line: it may be relative to the process's directory. */
  | { readonly kind: 'script'; readonly path: string }
  /** `python3 -m NAME`. */
  | { readonly kind: 'module'; readonly name: string }
  /** Program text on the command line: `node -e`, `sh -c`. */
  | { readonly kind: 'inline' }
  /** Nothing: it reads standard input, or asks a person. */
  | { readonly kind: 'none' };

interface Syntax {
  /** Letters of short options that take a value, attached or as the next word. */
  readonly valueLetters: string;
  /** Letters whose option takes the next word even where more letters follow: `bash -eo pipefail`. */
  readonly nextWordLetters: string;
  readonly inlineLetters: string;
  readonly moduleLetters: string;
  /** Long options (with their dashes) that take the next word as value when written without `=`. */
  readonly valueOptions: ReadonlySet<string>;
  readonly inlineOptions: ReadonlySet<string>;
  /** First words that are no script: `bun run x.ts`. */
  readonly subcommands: ReadonlySet<string>;
  /** `+o pipefail` is an option. */
  readonly plusOptions: boolean;
}

const PLAIN: Syntax = {
  valueLetters: '',
  nextWordLetters: '',
  inlineLetters: '',
  moduleLetters: '',
  valueOptions: new Set(),
  inlineOptions: new Set(),
  subcommands: new Set(),
  plusOptions: false,
};

const NODE: Syntax = {
  ...PLAIN,
  valueLetters: 'rC',
  inlineLetters: 'ep',
  valueOptions: new Set([
    '--require',
    '--import',
    '--loader',
    '--experimental-loader',
    '--conditions',
    '--env-file',
    '--env-file-if-exists',
    '--experimental-config-file',
    '--input-type',
    '--experimental-default-type',
    '--title',
    '--icu-data-dir',
    '--openssl-config',
    '--tls-cipher-list',
    '--tls-keylog',
    '--dns-result-order',
    '--diagnostic-dir',
    '--redirect-warnings',
    '--disable-warning',
    '--report-dir',
    '--report-directory',
    '--report-filename',
    '--report-signal',
    '--max-http-header-size',
    '--inspect-port',
    '--debug-port',
    '--inspect-publish-uid',
    '--heapsnapshot-signal',
    '--heapsnapshot-near-heap-limit',
    '--cpu-prof-dir',
    '--cpu-prof-name',
    '--cpu-prof-interval',
    '--heap-prof-dir',
    '--heap-prof-name',
    '--secure-heap',
    '--secure-heap-min',
    '--stack-trace-limit',
    '--trace-event-categories',
    '--trace-event-file-pattern',
    '--trace-require-module',
    '--unhandled-rejections',
    '--use-largepages',
    '--v8-pool-size',
    '--watch-path',
    '--allow-fs-read',
    '--allow-fs-write',
    '--build-snapshot-config',
    '--snapshot-blob',
    '--localstorage-file',
    '--network-family-autoselection-attempt-timeout',
    '--test-concurrency',
    '--test-name-pattern',
    '--test-reporter',
    '--test-reporter-destination',
    '--test-shard',
    '--test-timeout',
  ]),
  inlineOptions: new Set(['--eval', '--print', '--run']),
  subcommands: new Set(['inspect']),
};

const BUN: Syntax = {
  ...PLAIN,
  valueLetters: 'rcdlFu',
  inlineLetters: 'ep',
  valueOptions: new Set([
    '--require',
    '--import',
    '--preload',
    '--config',
    '--cwd',
    '--env-file',
    '--define',
    '--loader',
    '--filter',
    '--port',
    '--conditions',
    '--tsconfig-override',
    '--extension-order',
    '--main-fields',
    '--install',
    '--title',
    '--shell',
    '--elide-lines',
  ]),
  inlineOptions: new Set(['--eval', '--print']),
  subcommands: new Set(['run', 'x', 'exec']),
};

const DENO: Syntax = {
  ...PLAIN,
  valueLetters: 'cL',
  valueOptions: new Set([
    '--config',
    '--import-map',
    '--log-level',
    '--cert',
    '--ext',
    '--seed',
    '--location',
    '--preload',
    '--env-file',
  ]),
  subcommands: new Set(['run', 'serve']),
};

const PYTHON: Syntax = {
  ...PLAIN,
  valueLetters: 'WXQ',
  inlineLetters: 'c',
  moduleLetters: 'm',
  valueOptions: new Set(['--check-hash-based-pycs']),
};

const PERL: Syntax = { ...PLAIN, valueLetters: 'I', inlineLetters: 'eE' };
const RUBY: Syntax = {
  ...PLAIN,
  valueLetters: 'IrCE',
  inlineLetters: 'e',
  valueOptions: new Set(['--encoding', '--external-encoding', '--internal-encoding']),
};
const PHP: Syntax = { ...PLAIN, valueLetters: 'cdz', inlineLetters: 'rBRE' };
const SHELL: Syntax = {
  ...PLAIN,
  nextWordLetters: 'oO',
  inlineLetters: 'c',
  valueOptions: new Set(['--rcfile', '--init-file']),
  inlineOptions: new Set(['--command']),
  plusOptions: true,
};
const FISH: Syntax = {
  ...PLAIN,
  valueLetters: 'Cdof',
  inlineLetters: 'c',
  valueOptions: new Set(['--init-command', '--debug', '--debug-output', '--features']),
  inlineOptions: new Set(['--command']),
};

const SHELLS: ReadonlyMap<string, Syntax> = new Map([
  ...['sh', 'bash', 'rbash', 'dash', 'ash', 'ksh', 'ksh93', 'mksh', 'lksh', 'pdksh', 'posh', 'yash', 'zsh'].map(
    (name): [string, Syntax] => [name, SHELL],
  ),
  ...['csh', 'tcsh', 'bsd-csh'].map((name): [string, Syntax] => [name, { ...PLAIN, inlineLetters: 'c' }]),
  ['fish', FISH],
  ['nu', { ...PLAIN, valueLetters: 'Ie', inlineLetters: 'c', inlineOptions: new Set(['--commands']) }],
  ['elvish', { ...PLAIN, inlineLetters: 'c' }],
  ['xonsh', { ...PLAIN, inlineLetters: 'c' }],
]);

/** By the executable's base name without a version: `python3.11` and `ruby3.1` are python and ruby. */
const INTERPRETERS: ReadonlyMap<string, Syntax> = new Map([
  ['node', NODE],
  ['nodejs', NODE],
  ['bun', BUN],
  ['deno', DENO],
  ['python', PYTHON],
  ['pypy', PYTHON],
  ['perl', PERL],
  ['ruby', RUBY],
  ['php', PHP],
]);

export interface Interpreter {
  readonly shell: boolean;
  readonly syntax: Syntax;
}

/** `exe` is the executable's real path; `argv0` tells which of its applets a busybox runs. Null: no interpreter. */
export function interpreterOf(exe: string, argv0: string): Interpreter | null {
  const name = baseName(exe);
  const applet = name === 'busybox' || name === 'toybox' ? baseName(argv0).replace(/^-/, '') : name;
  const shell = SHELLS.get(applet);
  if (shell !== undefined) return { shell: true, syntax: shell };
  const syntax = INTERPRETERS.get(applet) ?? INTERPRETERS.get(applet.replace(/\d+(\.\d+)*$/, ''));
  return syntax === undefined ? null : { shell: false, syntax };
}

/** What `argv` tells this interpreter to run: its first argument that is no option, or what an option says instead. */
export function interpretedBy(interpreter: Interpreter, argv: readonly string[]): Interpreted {
  const { syntax } = interpreter;
  let subcommand = syntax.subcommands.size > 0;
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i] ?? '';
    const next = argv[i + 1];
    if (word === '--') return next === undefined ? { kind: 'none' } : { kind: 'script', path: next };
    if (word === '' || word === '-') return { kind: 'none' };
    if (word.startsWith('--')) {
      if (syntax.inlineOptions.has(nameOfOption(word))) return { kind: 'inline' };
      if (syntax.valueOptions.has(word)) i++;
    } else if (word.startsWith('-') || (syntax.plusOptions && word.startsWith('+'))) {
      const read = readLetters(syntax, word.slice(1), next);
      if (read.found !== null) return read.found;
      if (read.takesNext) i++;
    } else if (subcommand && syntax.subcommands.has(word)) {
      subcommand = false;
    } else {
      return { kind: 'script', path: word };
    }
  }
  return { kind: 'none' };
}

interface LettersRead {
  readonly found: Interpreted | null;
  readonly takesNext: boolean;
}

/** A cluster such as `-lc` or `-um`: letters until one that takes the rest, or the next word. */
function readLetters(syntax: Syntax, letters: string, next: string | undefined): LettersRead {
  let takesNext = false;
  for (let i = 0; i < letters.length; i++) {
    const letter = letters.charAt(i);
    const rest = letters.slice(i + 1);
    if (syntax.inlineLetters.includes(letter)) return { found: { kind: 'inline' }, takesNext: false };
    if (syntax.moduleLetters.includes(letter)) {
      const name = rest === '' ? next : rest;
      return { found: name === undefined ? { kind: 'none' } : { kind: 'module', name }, takesNext: false };
    }
    if (syntax.valueLetters.includes(letter)) return { found: null, takesNext: rest === '' };
    if (syntax.nextWordLetters.includes(letter)) takesNext = true;
  }
  return { found: null, takesNext };
}

function nameOfOption(word: string): string {
  const equals = word.indexOf('=');
  return equals === -1 ? word : word.slice(0, equals);
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
