/**
 * A corpus of hostile texts through every field of the roster and everything that is observed: each is refused, or it
 * arrives byte for byte; and nothing of it is ever run, which a canary file would show.
 */
import { existsSync, mkdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatPlan } from '../../src/diff/format-text.ts';
import { formatDiagnostic } from '../../src/spec/diagnostics.ts';
import { envFileValues, mergeEnvFile, parseEnvFile, wantedEnv } from '../../src/spec/env-file.ts';
import { expandHome } from '../../src/spec/home.ts';
import type { Roster } from '../../src/spec/model.ts';
import { parseRoster } from '../../src/spec/roster.ts';
import * as seen from '../diff/world.ts';
import { eventually, openPrivateFleet, type PrivateFleet } from '../launcher/private-fleet.ts';
import { tmuxLacking } from '../reconcile/real-host.ts';
import { payloads } from './payloads.ts';
import { report } from './suite.ts';

const lacking = tmuxLacking();
const began = performance.now();
const counts = { refused: 0, 'byte for byte': 0, observed: 0 };
let rounds = 0;
let fleet: PrivateFleet;
let canary: string;
let corpus: readonly string[];

beforeAll(() => {
  fleet = openPrivateFleet();
  canary = join(fleet.root, 'canary');
  corpus = payloads(`touch ${canary}`);
});
afterAll(async () => {
  await fleet.close();
  const seconds = (performance.now() - began) / 1000;
  report({ suite: 'injection', rounds, violations: existsSync(canary) ? 1 : 0, seed: null, seconds, counts });
});

/** What moves the cursor, hides, or turns the direction round. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]/u;

/** JSON's strings are YAML's. */
const quoted = (text: string): string => JSON.stringify(text);

function read(yaml: string): Roster | null {
  const parsed = parseRoster(new TextEncoder().encode(yaml), 'fleet.yaml');
  if (parsed.ok) return parsed.value;
  for (const problem of parsed.error) {
    expect(problem.position).not.toBeNull();
    expect(formatDiagnostic(problem)).not.toMatch(UNPRINTABLE);
  }
  return null;
}

/** A roster with the text in one place, and where it is in the model. */
const FIELDS: Readonly<Record<string, readonly [(text: string) => string, (roster: Roster) => unknown]>> = {
  name: [(t) => agentWith(`name: ${t}, runtime: pi`), (r) => r.agents[0]?.name],
  class: [(t) => agentWith(`name: a, runtime: pi, class: ${t}`), (r) => r.agents[0]?.class],
  model_hint: [(t) => agentWith(`name: a, runtime: pi, model_hint: ${t}`), (r) => r.agents[0]?.modelHint],
  command: [(t) => agentWith(`name: a, runtime: pi, command: [${t}]`), (r) => r.agents[0]?.argv?.[0]],
  'second word': [(t) => agentWith(`name: a, runtime: pi, command: [x, ${t}]`), (r) => r.agents[0]?.argv?.[1]],
  args: [(t) => agentWith(`name: a, runtime: pi, args: [${t}]`), (r) => r.agents[0]?.argv?.[1]],
  env: [(t) => agentWith(`name: a, runtime: pi, env: { K: ${t} }`), (r) => plainOf(r, 'K')],
  'env name': [
    (t) => agentWith(`name: a, runtime: pi, env: { ${t}: v }`),
    (r) => Object.keys(r.agents[0]?.env ?? {})[0],
  ],
  from_file: [(t) => agentWith(`name: a, runtime: pi, env: { K: { from_file: ${t} } }`), (r) => fileOf(r, 'K')],
  working_directory: [
    (t) => agentWith(`name: a, runtime: pi, working_directory: ${t}`),
    (r) => r.agents[0]?.workingDirectory,
  ],
  runtime: [(t) => agentWith(`name: a, runtime: ${t}`), (r) => r.agents[0]?.runtime],
  host: [(t) => agentWith(`name: a, runtime: pi, host: ${t}`), (r) => r.agents[0]?.host],
  tenant: [(t) => agentWith(`name: a, runtime: pi, tenant: ${t}`), (r) => r.agents[0]?.tenant],
  socket: [(t) => agentWith(`name: a, runtime: pi, socket: ${t}`), (r) => r.agents[0]?.socket],
  depends_on: [(t) => agentWith(`name: a, runtime: pi, depends_on: [${t}]`), (r) => r.agents[0]?.dependsOn[0]],
  'stopped.why': [
    (t) => agentWith(`name: a, runtime: pi, state: stopped, stopped: { by: x, why: ${t} }`),
    (r) => r.agents[0]?.stopped?.why,
  ],
  fleet: [(t) => `version: 1\nfleet: ${t}\nagents:\n  - { name: a, runtime: pi }\n`, (r) => r.fleet],
  socket_name: [
    (t) => `version: 1\ntmux: { socket_name: ${t} }\nagents:\n  - { name: a, runtime: pi }\n`,
    (r) => r.tmux.socketName,
  ],
  holder_session: [
    (t) => `version: 1\ntmux: { holder_session: ${t} }\nagents:\n  - { name: a, runtime: pi }\n`,
    (r) => r.tmux.holderSession,
  ],
  'name of a runtime': [
    (t) => `version: 1\nruntimes:\n  ${t}: { command: [x] }\nagents:\n  - { name: a, runtime: pi }\n`,
    (r) => Object.values(r.runtimes).find((runtime) => runtime.own)?.name,
  ],
  'ignore.reason': [
    (t) => `${agentWith('name: a, runtime: pi')}ignore:\n  - { target: a, reason: ${t} }\n`,
    (r) => r.ignore[0]?.reason,
  ],
};

const agentWith = (fields: string): string => `version: 1\nagents:\n  - { ${fields} }\n`;

function plainOf(roster: Roster, name: string): string | undefined {
  const value = roster.agents[0]?.env[name];
  return value?.kind === 'plain' ? value.value : undefined;
}

function fileOf(roster: Roster, name: string): string | undefined {
  const value = roster.agents[0]?.env[name];
  return value?.kind === 'secret' ? value.fromFile : undefined;
}

test('the corpus has at least 200 texts', () => {
  expect(corpus.length).toBeGreaterThanOrEqual(200);
});

describe('through every field of the roster', () => {
  test.each(Object.entries(FIELDS))('%s: refused with a position, or in the model as it is', (_, [yaml, find]) => {
    for (const text of corpus) {
      rounds += 1;
      const roster = read(yaml(quoted(text)));
      if (roster === null) counts.refused += 1;
      else expect(find(roster), quoted(text).slice(0, 200)).toBe(text);
      if (roster !== null) counts['byte for byte'] += 1;
    }
  });

  test('class, model and directory stand in the env file so that they are read back as they are', () => {
    for (const text of corpus) {
      const roster = read(agentWith(`name: a, runtime: pi, class: ${quoted(text)}, model_hint: ${quoted(text)}`));
      const [agent] = roster?.agents ?? [];
      if (roster === null || agent === undefined) continue;
      rounds += 1;
      const file = mergeEnvFile('# by hand\nOWN=kept\n', wantedEnv(roster, agent, '/home/u'));
      const back = envFileValues(parseEnvFile(file));
      expect([back['FLEET_AGENT_CLASS'], back['FLEET_AGENT_MODEL'], back['OWN']]).toEqual([text, text, 'kept']);
    }
  });
});

describe.skipIf(lacking !== null)('into a live agent', () => {
  /** Tells its words, environment and directory, titles its pane, and stays. */
  const RECORDER = `#!/bin/sh
out=$OUT/$FLEET_AGENT_NAME
cat /proc/$$/environ >"$out.environ"
printf '\\033]2;%s\\007' "$P"
cat /proc/$$/cmdline >"$out.part"
mv "$out.part" "$out.cmdline"
exec sleep 1000
`;

  test('its words, environment, class, model and directory are what the roster says, byte for byte', async () => {
    const out = join(fleet.root, 'out');
    mkdirSync(out);
    const recorder = join(fleet.root, 'recorder');
    writeFileSync(recorder, RECORDER, { mode: 0o755 });
    const wanted = corpus.flatMap((text, i) => {
      const directory = join(fleet.root, 'd', text);
      const placeable = !/[\0]/.test(text) && Buffer.byteLength(text) <= 200 && !text.includes('..');
      const workdir = placeable ? directory : fleet.root;
      const fields = [
        `name: a${i}`,
        'runtime: own',
        `class: ${quoted(text)}`,
        `model_hint: ${quoted(text)}`,
        `working_directory: ${quoted(workdir)}`,
        `args: [-x, ${quoted(text)}]`,
        `env: { P: ${quoted(text)}, OUT: ${quoted(out)} }`,
      ];
      const yaml = `version: 1\nsupervisor: none\nruntimes:\n  own: { command: [${quoted(recorder)}] }\n${agents(fields)}`;
      const roster = read(yaml) ?? read(yaml.replace(quoted(workdir), quoted(fleet.root)));
      const [agent] = roster?.agents ?? [];
      return agent === undefined ? [] : [{ agent, text, workdir: agent.workingDirectory }];
    });
    expect(wanted.length).toBeGreaterThanOrEqual(200);
    await fleet.launch('holder', 'test-fleet', '_holder', 'default');
    for (const { agent, workdir } of wanted) {
      mkdirSync(workdir, { recursive: true });
      fleet.install(agent);
      const started = await fleet.launch('start', agent.name);
      expect(started.code, `${quoted(agent.class).slice(0, 200)}: ${started.stderr}`).toBe(0);
    }
    for (const { agent, text, workdir } of wanted) {
      rounds += 1;
      const about = quoted(text).slice(0, 200);
      const told = join(out, `${agent.name}.cmdline`);
      await eventually(
        async () => existsSync(told) || (await fleet.tmux('capture-pane', '-p', '-t', `=${agent.name}:`)).stdout.trim(),
        (there) => there === true,
      ).catch((error: unknown) => expect.fail(`${about}: ${String(error)}`));
      const words = readFileSync(join(out, `${agent.name}.cmdline`), 'utf8')
        .split('\0')
        .slice(0, -1);
      // A leading `~` of a word is the home, as the contract has it.
      const word = expandHome(text, fleet.home);
      expect(words.slice(-2), about).toEqual(['-x', word]);
      const environ = readFileSync(join(out, `${agent.name}.environ`), 'utf8').split('\0');
      for (const name of ['P', 'FLEET_AGENT_CLASS', 'FLEET_AGENT_MODEL']) {
        expect(environ, `${name}: ${about}`).toContain(`${name}=${text}`);
      }
      const pid = (await fleet.tmux('display-message', '-p', '-t', `=${agent.name}:`, '#{pane_pid}')).stdout.trim();
      expect(readlinkSync(`/proc/${pid}/cwd`), about).toBe(realpathSync(workdir));
      counts['byte for byte'] += 1;
    }
    expect(existsSync(canary), 'something was run').toBe(false);
  }, 300_000);
});

const agents = (fields: readonly string[]): string => `agents:\n  - { ${fields.join(', ')} }\n`;

describe('in what is observed', () => {
  const ROSTER = seen.roster(`version: 1
tmux: { socket_name: zoo }
agents:
  - { name: ant, runtime: pi }
  - { name: bee, runtime: pi }
`);
  type World = seen.Mutable<ReturnType<typeof seen.healthy>>;
  /** Everything that others can write, in one world each. */
  const PLACES: Readonly<Record<string, (o: World, text: string) => void>> = {
    'a session name': (o, t) => void seen.sessionsOf(o).push(seen.sessionNamed(ROSTER, t, '$77', 77, false) as never),
    'the owner of a mark': (o, t) => Object.assign(seen.session(o, 'ant').mark ?? {}, { owner: t }),
    'the agent of a mark': (o, t) => Object.assign(seen.session(o, 'ant').mark ?? {}, { agent: t }),
    'a fingerprint': (o, t) => Object.assign(seen.session(o, 'ant').mark ?? {}, { spec: t }),
    'the command of a pane': (o, t) => Object.assign(seen.paneOf(o, 'ant'), { current_command: t }),
    'a program': (o, t) => Object.assign(seen.paneOf(o, 'ant'), { runs: { verdict: 'other', pid: 9, program: t } }),
    'evidence of a runtime': (o, t) =>
      Object.assign(seen.paneOf(o, 'ant'), {
        runs: { verdict: 'runtime', runtime: 'codex', strength: 'strong', pid: 9, evidence: t },
      }),
    'a prompt': (o, t) => Object.assign(seen.paneOf(o, 'ant'), { prompt: { id: 'trust', text: t } }),
    'how it ended': (o, t) =>
      Object.assign(seen.paneOf(o, 'ant'), { dead: true, runs: { verdict: 'dead', status: null, signal: t } }),
    'why tmux cannot be asked': (o, t) =>
      Object.assign(seen.tmuxOf(o), { server: { state: 'unknown', why: 'garbage', detail: t } }),
    'a directory': (o, t) => Object.assign(seen.processOf(o, 2000), { cwd: seen.known(t) }),
    'an environment': (o, t) =>
      Object.assign(seen.processOf(o, 2000), {
        env: seen.known({ keys: [t, 'FLEET_AGENT_NAME'], values: { FLEET_AGENT_NAME: t }, secrets: {} }),
      }),
    'an env file': (o, t) =>
      Object.assign(seen.filesOf(o).env_files, {
        ant: {
          state: 'present',
          keys: ['FLEET_AGENT_CLASS', t],
          own: { FLEET_AGENT_CLASS: t },
          mode: 0o600,
          modified_ms: 0,
          sha256: '',
        },
      }),
    'a unit': (o, t) =>
      Object.assign(seen.unit(o, 'fleet-agent@ant.service'), { active_state: 'failed', result: t, sub_state: t }),
    'the state of a unit': (o, t) => Object.assign(seen.unit(o, 'fleet-agent@ant.service'), { unit_file_state: t }),
    'a cgroup': (o, t) => Object.assign(seen.tmuxOf(o).listening[0] ?? {}, { cgroup: `/${t}` }),
    'a note': (o, t) => Object.assign(seen.heartbeatsOf(o, 'ant').beat, { note: t, model: t }),
    'an unreadable heartbeat': (o, t) =>
      Object.assign(seen.heartbeatsOf(o, 'ant'), { beat: { state: 'unreadable', why: 'garbage', detail: t } }),
  };

  test.each(Object.entries(PLACES))(
    '%s: the plan is told without moving the cursor, and is whole as JSON',
    (_, put) => {
      for (const text of corpus) {
        rounds += 1;
        counts.observed += 1;
        const observed = seen.healthy(ROSTER);
        put(observed, text);
        const plan = seen.planOf(ROSTER, observed, { policy: { prune: true } });
        expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
        const told = formatPlan(plan, { color: false });
        // One text is one line, whatever it holds: nothing in it can look like another change, or move the cursor.
        expect(told.replaceAll('\n', ''), quoted(text).slice(0, 200)).not.toMatch(
          /[\p{Cc}\u2028\u2029\u202e\u200b\ufeff]/u,
        );
        const starts = told.split('\n').filter((line) => /^(\+|~|-|-\/\+|!|\?) /.test(line)).length;
        const blocks = plan.changes.length + plan.blocked.length + plan.unknown.length;
        expect(starts, quoted(text).slice(0, 200)).toBeLessThanOrEqual(blocks + plan.deferred.length);
      }
    },
  );
});

test('nothing was ever run', () => {
  expect(existsSync(canary)).toBe(false);
});
