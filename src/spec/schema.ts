/**
 * The roster's file format, version 1 (docs/contract.md, section 1), as it is written: `fleet validate` checks with it
 * and `fleet schema` prints it. camelCase keys are Mosaic's second spelling of its own keys; snake case is documented.
 */
import type * as z from 'zod/mini';
import { err, ok, type Result } from './result.ts';
import * as part from './schema-parts.ts';
import { issuesOf, type Schema, type SchemaIssue } from './schema-zod.ts';

const { choice, flag, integer, list, literal, mapping, maybe, record, text, union } = part;

const heartbeat = mapping({
  interval: maybe(part.interval),
  stale_after: maybe(integer('count', 1, 1000)),
  required: maybe(flag),
  on_stale: maybe(choice(['report', 'restart'])),
});

const restart = mapping({
  backoff: maybe(part.duration),
  max_backoff: maybe(part.duration),
  limit: maybe(integer('count', 1, 1000)),
  window: maybe(part.interval),
});

const envValue = union(text('envValue'), mapping({ from_file: part.file }, 'envValue'), 'envValue');

/** Every field of an agent but its name; `defaults` takes the same. */
const agentFields = {
  host: maybe(part.hostName),
  ssh: maybe(part.ssh),
  tenant: maybe(part.tenantName),
  socket: maybe(part.socket),
  runtime: maybe(part.runtimeName),
  class: maybe(part.line),
  lifecycle: maybe(choice(['core', 'ephemeral'])),
  state: maybe(choice(['running', 'stopped'])),
  stopped: maybe(mapping({ by: maybe(part.line), why: maybe(part.line) })),
  boot: maybe(flag),
  command: maybe(part.command),
  args: maybe(list('argv', text('argument'))),
  model_hint: maybe(part.line),
  modelHint: maybe(part.line),
  env: maybe(record(part.variable, envValue)),
  working_directory: maybe(part.directory),
  workingDirectory: maybe(part.directory),
  window: maybe(mapping({ width: integer('cells', 1, 10_000), height: integer('cells', 1, 10_000) })),
  manage: maybe(choice(['enforce', 'warn', 'observe'])),
  protect: maybe(flag),
  on_change: maybe(choice(['defer', 'restart', 'keep'])),
  heartbeat: maybe(heartbeat),
  restart: maybe(restart),
  depends_on: maybe(list('list', part.agentName)),
  wave: maybe(integer('wave', -1000, 1000)),
  persistent_persona: maybe(flag),
  persistentPersona: maybe(flag),
  reset_between_tasks: maybe(flag),
  resetBetweenTasks: maybe(flag),
};

const agent = mapping({ name: part.agentName, ...agentFields });

const resetCommand = union(text('resetCommand'), list('resetCommand', text('resetCommand')), 'resetCommand');

const runtime = mapping({
  command: maybe(part.command),
  match: maybe(
    mapping({ exe: maybe(part.matchNames), script: maybe(part.matchNames), package: maybe(part.packageNames) }),
  ),
  beats: maybe(flag),
  reset_command: maybe(resetCommand),
  resetCommand: maybe(resetCommand),
});

const ignoreRule = mapping({
  target: part.line,
  path: maybe(part.pointer),
  reason: part.line,
  until: maybe(text('until')),
});

const roster = mapping(
  {
    version: literal(1, 'version'),
    fleet: maybe(text('fleet', /^[a-z0-9][a-z0-9-]{0,30}$/)),
    layout: maybe(choice(['fleet', 'mosaic'])),
    supervisor: maybe(choice(['systemd', 'none'])),
    transport: maybe(literal('tmux', 'transport')),
    tmux: maybe(
      mapping({
        socket_name: maybe(part.socket),
        socketName: maybe(part.socket),
        holder_session: maybe(text('holder', /^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/)),
        holderSession: maybe(text('holder', /^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/)),
      }),
    ),
    hosts: maybe(record(part.hostName, mapping({ ssh: maybe(part.ssh) }))),
    tenants: maybe(record(part.tenantName, mapping({ user: maybe(part.user) }))),
    defaults: maybe(mapping(agentFields)),
    runtimes: maybe(record(part.runtimeName, runtime)),
    agents: list('agents', agent),
    ignore: maybe(list('list', ignoreRule)),
    connector: maybe(part.anyMapping),
  },
  'roster',
);

/** The roster as written, after its shape was checked and before anything is filled in. */
export type RosterFile = z.infer<ReturnType<typeof roster.schema>>;
export type AgentFile = RosterFile['agents'][number];
export type AgentFields = Omit<AgentFile, 'name'>;
export type RuntimeFile = NonNullable<RosterFile['runtimes']>[string];
export type IgnoreFile = NonNullable<RosterFile['ignore']>[number];

/** One thing that does not fit; `message` is an expectation's id, or the known keys (schema-parts.ts). */
export type { SchemaIssue };

/** A sound roster is told without zod: Node starts in the time that loading it and making the schema takes thrice. */
export function checkShape(data: unknown): Result<RosterFile, readonly SchemaIssue[]> {
  if (isSurelyFit(data)) return ok(data);
  const issues = issuesOf(roster.schema(), data);
  return issues.length > 0 ? err(issues) : ok(data as RosterFile);
}

/** The short way to yes, for data as YAML gives it (no undefined values, no prototypes). False: ask zod. */
export const isSurelyFit = (data: unknown): data is RosterFile => roster.fits(data);

/** For json-schema.ts and the tests that hold the two readings together. */
export const rosterSchema = (): Schema => roster.schema();
