/**
 * Every command of this version, as data. Those that are run often are one flat program; the code of the rare ones, and of
 * the controller, is a file of its own that is loaded when one is called (scripts/build.mjs).
 */
import type { Command } from './command.ts';
import { applyCommand } from './commands/apply.ts';
import { explain } from './commands/explain.ts';
import { observeCommand } from './commands/observe.ts';
import { planCommand } from './commands/plan.ts';
import { ps } from './commands/ps.ts';
import { schema } from './commands/schema.ts';
import { show } from './commands/show.ts';
import { validate } from './commands/validate.ts';
import { ROSTER_FLAGS } from './flags.ts';

const ROSTER_FILE = { name: 'FILE', required: false };
const PLAN_FLAGS = [
  ...ROSTER_FLAGS,
  'target',
  'exclude',
  'detailed-exitcode',
  'prune',
  'allow-empty',
  'even-if-attached',
  'even-if-busy',
  'max-destroy',
  'max-disrupt',
  'serial',
  'max-fail',
] as const;

export const COMMANDS: readonly Command[] = [
  {
    name: 'validate',
    summary: 'checks the roster; no host is touched',
    operands: [ROSTER_FILE],
    flags: ['file', 'json'],
    notes: ['Exits 0 when the roster is valid, else 78 with every problem as file:line:col: message.'],
    load: async () => validate,
  },
  {
    name: 'schema',
    summary: "prints the roster's JSON Schema (draft-07)",
    operands: [{ name: 'WHAT', required: false }],
    flags: [],
    notes: [
      'For editors: fleet schema > fleet.schema.json',
      'WHAT: roster (default), or observed: what observe prints.',
    ],
    load: async () => schema,
  },
  {
    name: 'observe',
    summary: 'prints the observed state as one JSON document; changes nothing, ever',
    operands: [],
    flags: ROSTER_FLAGS,
    notes: ['Exits 3 when something could not be observed: it is then `unknown` in the document, never absent.'],
    load: async () => observeCommand,
  },
  {
    name: 'plan',
    summary: 'observed against roster: what would change and why; changes nothing, ever',
    operands: [],
    flags: [...PLAN_FLAGS, 'observed', 'out'],
    notes: [
      'With -o the plan is saved too: fleet apply FILE then makes that plan and no more, within 24 hours.',
      'Exit codes: 0, also with drift; 2 changes pending (--detailed-exitcode); 3 something could not be observed;',
      '4 a guard refused something; 78 invalid roster.',
    ],
    load: async () => planCommand,
  },
  {
    name: 'show',
    summary: 'prints a saved plan, and whether it still fits; looks at no host',
    operands: [{ name: 'FILE', required: true }],
    flags: ['json'],
    notes: [
      'FILE: what fleet plan -o FILE wrote. Exits 0 also where the plan fits no more; 1 where FILE is no sound plan.',
    ],
    load: async () => show,
  },
  {
    name: 'apply',
    summary: 'repairs what plan shows; with FILE makes that saved plan and no more',
    operands: [{ name: 'FILE', required: false }],
    flags: [...PLAN_FLAGS, 'lock-timeout', 'yes'],
    notes: [
      'FILE: what fleet plan -o FILE wrote. It is refused (5) where it no longer fits; a change whose own facts moved is',
      'left alone. What to do stands in it: --target, --prune, --even-if-... are refused with it.',
      'On a terminal it shows the plan and asks; elsewhere it needs -y. With --json it prints one object a line, a',
      'summary last. Exit codes as for plan, and 5 stale, 6 the lock is held, 7 applied in part, 129/130/143 interrupted.',
    ],
    load: async () => applyCommand,
  },
  {
    name: 'lock',
    summary: 'who holds the lease: lock status, lock release ID',
    operands: [
      { name: 'status|release', required: true },
      { name: 'ID', required: false },
    ],
    flags: ['file', 'json'],
    notes: [
      'One fleet at a time changes a host for a user. release takes the lease away from its holder, which then begins',
      'no further change; the lease of a holder that died needs no release. ID is what status and exit 6 show.',
    ],
    load: async () => (await import('./commands/lock.ts')).lock,
  },
  {
    name: 'ps',
    summary: 'one row an agent: unit, session, process, idle time, heartbeat, readiness, drift',
    operands: [],
    flags: ROSTER_FLAGS,
    notes: ['Sessions that are on no roster come after the agents. Exits 3 when something could not be observed.'],
    load: async () => ps,
  },
  {
    name: 'explain',
    summary: 'the evidence behind each verdict on ADDR: what was read, when, from where',
    operands: [{ name: 'ADDR', required: true }],
    flags: [...ROSTER_FLAGS, 'observed'],
    notes: ['ADDR: HOST/TENANT/KIND/NAME, KIND/NAME, or the name of an agent.'],
    load: async () => explain,
  },
  {
    name: 'run',
    summary: 'the controller: keeps the world on the roster until it is stopped',
    operands: [],
    flags: ['file', 'git', 'metrics', 'prune', 'allow-empty', 'json'],
    notes: [
      'Logs go to stderr; with --json every event is one object a line on stdout. The first SIGTERM or SIGINT ends it when',
      'the effect under way has ended, exit 0; the second ends it now. SIGHUP reads the roster again. Exits 6 where a',
      'controller of this fleet runs already, 78 where there is neither a valid roster nor a last good one.',
    ],
    load: async () => (await import('./commands/run.ts')).run,
    lasts: true,
  },
  {
    name: 'status',
    summary: "the controller's conditions, from its status file; fails when the controller itself is stuck",
    operands: [],
    flags: ['file', 'json'],
    notes: [
      'Exits 7 where the controller is dead or stuck, or a core agent is not Ready. The controller is never asked.',
    ],
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'events',
    summary: 'what the controller did and met: what, why, when, and what came of it',
    operands: [ROSTER_FILE],
    flags: ['follow', 'json'],
    notes: ['The oldest are dropped: about 20,000 are kept. -f waits for more, until it is interrupted.'],
    load: async () => (await import('./commands/events.ts')).events,
    lasts: true,
  },
  {
    name: 'pause',
    summary: 'hands off: plan, apply and run leave it alone until it is resumed',
    operands: [{ name: 'ADDR', required: false }],
    flags: ['all', 'reason', 'until', 'file', 'json'],
    notes: [
      'ADDR: an agent, KIND/NAME or HOST/TENANT/KIND/NAME. With --until it becomes overdue then, and warns; it does not end',
      'by itself. To stop every action at once, whatever is under way: touch ~/.local/state/fleet/PAUSED',
    ],
    load: async () => (await import('./commands/pause.ts')).pause,
  },
  {
    name: 'resume',
    summary: 'ends a pause',
    operands: [{ name: 'ADDR', required: false }],
    flags: ['all', 'file', 'json'],
    notes: ['ADDR as it was paused; --all ends every pause.'],
    load: async () => (await import('./commands/resume.ts')).resume,
  },
  {
    name: 'reset',
    summary: "clears a crash loop's latch, backoffs and fights",
    operands: [{ name: 'ADDR', required: false }],
    flags: ['all', 'file', 'json'],
    notes: ['ADDR: an agent, KIND/NAME or HOST/TENANT/KIND/NAME.'],
    load: async () => (await import('./commands/reset.ts')).reset,
  },
  {
    name: 'install',
    summary: 'the controller as a user unit, fleet.service: written, enabled, started',
    operands: [],
    flags: ['file', 'git', 'metrics', 'prune', 'json'],
    notes: [
      'Runs fleet run with the same -f, --git, --metrics and --prune. May be run again at any time: what is so already is',
      'left as it is. Exits 4 where there is a fleet.service that fleet did not write, 7 where linger stays off.',
    ],
    load: async () => (await import('./commands/install.ts')).install,
  },
  {
    name: 'uninstall',
    summary: 'stops, disables and removes fleet.service; no session is touched',
    operands: [],
    flags: ['json'],
    notes: ['Linger stays on: the agents need it.'],
    load: async () => (await import('./commands/uninstall.ts')).uninstall,
  },
  {
    name: 'adopt',
    summary: 'takes over what exists already: a session, a unit, an env file, a unit file',
    operands: [{ name: 'ADDR', required: true }],
    flags: [...ROSTER_FLAGS, 'yes', 'lock-timeout'],
    notes: [
      'ADDR: session/NAME, unit/UNIT, env-file/NAME, unit-file/FILE, or the name of an agent for all of its own.',
      'It shows what it is going to take over and asks. Exit codes: 3 it could not be seen, 4 a guard refused it,',
      '5 it changed meanwhile, 6 the lock is held.',
    ],
    load: async () => (await import('./commands/adopt.ts')).adopt,
  },
  {
    name: 'forget',
    summary: 'lets go of what is ours: its record, and the mark of its session; touches nothing else',
    operands: [{ name: 'ADDR', required: true }],
    flags: [...ROSTER_FLAGS, 'lock-timeout'],
    notes: ['ADDR as for adopt. What is off the roster is then nobody’s; what is on it may need adopting again.'],
    load: async () => (await import('./commands/forget.ts')).forget,
  },
  {
    name: 'demo',
    summary: 'a throw-away fleet on a private socket: drift made, planned, repaired, planned again',
    operands: [],
    flags: [],
    notes: ['Needs tmux and nothing else, and leaves nothing behind.'],
    load: async () => (await import('./commands/demo.ts')).demo,
  },
];

export const findCommand = (name: string): Command | null => COMMANDS.find((c) => c.name === name) ?? null;
