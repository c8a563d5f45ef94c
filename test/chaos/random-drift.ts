/**
 * What may befall a world, a row of docs/planning-rules.md each (longer than most files: it is one table). Each takes the
 * world, an agent and a number to choose by; where the part that it hurts is gone already it does nothing.
 */
import type { AgentSpec } from '../../src/spec/model.ts';
import * as seen from '../diff/world.ts';
import { FATES, type World } from '../reconcile/world.ts';

export type Drift = (w: World, agent: AgentSpec, n: number) => void;

function one<T>(list: readonly T[], n: number): T {
  const found = list[n % list.length];
  if (found === undefined) throw new Error('nothing to choose from');
  return found;
}
const server = (w: World) => seen.tmuxOf(w.truth);
const pane = (w: World, a: AgentSpec) => seen.paneOf(w.truth, a.name);
function unitOf(w: World, a: AgentSpec): ReturnType<World['agentUnit']> {
  const unit = w.agentUnit(a.name);
  // What there is no file of is neither enabled nor masked.
  if (unit.load_state === 'not-found') throw new Error('no unit');
  return unit;
}
const processOf = (w: World, a: AgentSpec) => seen.processOf(w.truth, pane(w, a).pid ?? 0);
const on = (name: string) => ({ ant: 90, bee: 91, cat: 92, dog: 93, eel: 94, fox: 95 })[name] ?? 96;

/** A server on another socket, known and never to be touched. */
function other(w: World, socket = 'other'): seen.Mutable<ReturnType<typeof seen.sessionNamed>>[] {
  const { tmux } = w.truth.sources;
  if (tmux.status !== 'known') throw new Error('tmux unknown');
  let found = tmux.value.servers.find((s) => s.socket === socket);
  if (found === undefined) {
    const running = { state: 'running' as const, pid: 70, start: 1_780_000_000, sessions: [] };
    const listening = [{ pid: 70, start_time: 70, cgroup: '/' }];
    found = { socket, path: `/tmp/tmux-1000/${socket}`, listening, server: running };
    tmux.value.servers.push(found);
  }
  if (found.server.state !== 'running') throw new Error('not running');
  return found.server.sessions as seen.Mutable<ReturnType<typeof seen.sessionNamed>>[];
}

export const DRIFTS: Readonly<Record<string, Drift>> = {
  // sessions
  missing: (w, a) => w.dropSession(a.name),
  'missing, unit inactive': (w, a) => {
    w.dropSession(a.name);
    Object.assign(unitOf(w, a), { active_state: 'inactive', sub_state: 'dead' });
  },
  dead: (w, a, n) => {
    const [status, signal] = one(
      [
        [0, null],
        [1, null],
        [null, '9'],
        [null, null],
      ] as const,
      n,
    );
    Object.assign(pane(w, a), { dead: true, dead_status: status, runs: { verdict: 'dead', status, signal } });
  },
  gone: (w, a) => w.runs(a.name, { verdict: 'gone' }),
  shell: (w, a) => w.runs(a.name, { verdict: 'shell', pid: pane(w, a).pid ?? 0, program: 'bash' }),
  'another runtime': (w, a) =>
    w.runs(a.name, {
      verdict: 'runtime',
      runtime: 'codex',
      strength: 'strong',
      pid: pane(w, a).pid ?? 0,
      evidence: '',
    }),
  'cannot be told': (w, a, n) => {
    const pid = pane(w, a).pid ?? 0;
    w.runs(
      a.name,
      one(
        [
          { verdict: 'other', pid, program: 'vim' },
          { verdict: 'ambiguous', runtimes: ['pi', 'codex'], evidence: 'two' },
          { verdict: 'opaque', program: 'ssh' },
          { verdict: 'suspended', pid, runtime: null },
          { verdict: 'unknown', why: 'denied', detail: 'EACCES' },
          { verdict: 'runtime', runtime: 'codex', strength: 'weak', pid, evidence: 'a bare name' },
        ] as const,
        n,
      ),
    );
  },
  'another spec': (w, a) => {
    const { mark } = w.session(a.name);
    if (mark !== null) mark.spec = 'older';
  },
  'no fingerprint': (w, a) => {
    const { mark } = w.session(a.name);
    if (mark !== null) mark.spec = null;
  },
  'another directory': (w, a) => {
    processOf(w, a).cwd = seen.known('/elsewhere');
  },
  'another environment': (w, a, n) => {
    const { env } = processOf(w, a);
    if (env.status !== 'known') return;
    const key = one(Object.keys(env.value.values), n);
    env.value.values = { ...env.value.values, [key]: 'changed' };
  },
  'environment denied': (w, a) => {
    processOf(w, a).env = { status: 'unknown', why: 'denied', detail: 'EACCES' };
  },
  'another size': (w, a) => {
    pane(w, a).width = 80;
  },
  'directory gone': (w, a) => {
    seen.filesOf(w.truth).directories[a.workingDirectory] = { state: 'missing', detail: 'ENOENT' };
  },
  'command gone': (w, a) => {
    seen.filesOf(w.truth).commands[a.name] = { state: 'missing', detail: 'not on PATH' };
  },
  'secret gone': (w, a) => {
    const files = seen.filesOf(w.truth);
    for (const value of Object.values(a.env)) {
      if (value.kind !== 'secret') continue;
      files.secret_files = { ...files.secret_files, [value.fromFile]: { state: 'missing', detail: 'ENOENT' } };
    }
  },
  'moved to another socket': (w, a) => {
    const session = structuredClone(w.session(a.name));
    w.dropSession(a.name);
    other(w).push(session);
  },
  'a copy on another socket': (w, a) => {
    other(w).push(structuredClone(w.session(a.name)));
  },
  'mark taken away': (w, a) => {
    w.session(a.name).mark = null;
  },
  "another fleet's mark": (w, a) => {
    const { mark } = w.session(a.name);
    if (mark !== null) mark.owner = 'circus';
  },
  prompt: (w, a) => {
    pane(w, a).prompt = { id: 'trust', text: 'Do you trust this folder?' };
  },
  'pane replaced': (w, a) => {
    pane(w, a).id = '%9999';
  },
  'made again by hand': (w, a) => w.recreate(a.name),
  // who is in it
  attached: (w, a) => {
    w.session(a.name).attached = 1;
  },
  busy: (w, a) => {
    seen.heartbeatsOf(w.truth, a.name).beat = seen.beat(null, 0, 'busy');
  },
  'active window': (w, a) => {
    pane(w, a).window_activity = Math.floor(w.clock / 1000);
  },
  'another pane': (w, a, n) => {
    const copy = structuredClone(pane(w, a));
    const runs = { verdict: 'shell', pid: 9000 + n, program: 'bash' } as const;
    w.session(a.name).panes.push({ ...copy, id: `%${8000 + n}`, pid: 9000 + n, dead: false, runs });
  },
  // the server
  'holder gone': (w) => seen.dropSession(w.truth, w.roster.tmux.holderSession),
  'server gone': (w) => w.killServer(),
  'socket deleted': (w) => {
    if (server(w).server.state !== 'running') throw new Error('not running');
    w.deleteSocket();
  },
  'server hangs': (w) => {
    server(w).server = { state: 'unknown', why: 'timeout', detail: 'tmux gave no answer within 5 s' };
  },
  'two servers': (w) => {
    server(w).listening.push({ pid: 71, start_time: 71, cgroup: '/' });
    server(w).server = { state: 'unknown', why: 'split-brain', detail: 'two servers' };
  },
  "server in an agent's unit": (w, a) => {
    const [listening] = server(w).listening;
    if (listening !== undefined) listening.cgroup = `/app.slice/${w.layout.agentUnit(a.name)}`;
  },
  'server in a login': (w) => {
    const [listening] = server(w).listening;
    if (listening !== undefined) listening.cgroup = '/user.slice/user-1000.slice/session-3.scope';
  },
  // units
  disabled: (w, a) => Object.assign(unitOf(w, a), { unit_file_state: 'disabled', wanted_by: [] }),
  'for the runtime only': (w, a) => Object.assign(unitOf(w, a), { unit_file_state: 'enabled-runtime' }),
  'in another target': (w, a) =>
    Object.assign(unitOf(w, a), { unit_file_state: 'enabled', wanted_by: ['nowhere.target'] }),
  enabled: (w, a) => Object.assign(unitOf(w, a), { unit_file_state: 'enabled', wanted_by: ['default.target'] }),
  masked: (w, a, n) =>
    Object.assign(unitOf(w, a), { load_state: 'masked', unit_file_state: one(['masked', 'masked-runtime'], n) }),
  'cannot be enabled': (w, a, n) =>
    Object.assign(unitOf(w, a), { unit_file_state: one(['static', 'indirect', 'generated', 'alias'], n) }),
  linked: (w, a) => Object.assign(unitOf(w, a), { unit_file_state: 'linked', wanted_by: [] }),
  'no such unit': (w, a) => {
    // Instances are there as long as their template is.
    w.disk.delete(w.unitPath(w.layout.agentTemplate));
    const lost = w.roster.layout === 'fleet' ? w.roster.agents : [a];
    for (const agent of lost) {
      const nothing = { load_state: 'not-found', active_state: 'inactive', unit_file_state: '', wanted_by: [] };
      Object.assign(unitOf(w, agent), nothing);
    }
  },
  failed: (w, a) =>
    Object.assign(unitOf(w, a), { active_state: 'failed', sub_state: 'failed', result: 'start-limit-hit' }),
  inactive: (w, a) => Object.assign(unitOf(w, a), { active_state: 'inactive', sub_state: 'dead' }),
  'in transition': (w, a, n) => Object.assign(unitOf(w, a), { active_state: one(['activating', 'deactivating'], n) }),
  'a job queued': (w, a) => {
    unitOf(w, a).job = 'start';
  },
  'changed on disk': (w, a) => {
    unitOf(w, a).need_daemon_reload = true;
  },
  coupled: (w, a) => {
    unitOf(w, a).requires = [w.layout.holderUnit];
  },
  'holder disabled': (w) => Object.assign(w.unit(w.layout.holderUnit), { unit_file_state: 'disabled', wanted_by: [] }),
  'holder masked': (w) =>
    Object.assign(w.unit(w.layout.holderUnit), { load_state: 'masked', unit_file_state: 'masked' }),
  'holder inactive': (w) => {
    w.unit(w.layout.holderUnit).active_state = 'inactive';
  },
  'linger off': (w) => {
    if (w.truth.sources.linger.status === 'known')
      w.truth.sources.linger = seen.known({ user: 'jarvis', enabled: false });
  },
  'no user manager': (w) => w.stopManager(),
  // files
  'env file gone': (w, a) => w.disk.delete(w.envPath(a.name)),
  'env file edited': (w, a) =>
    w.put(w.envPath(a.name), `${w.text(w.envPath(a.name)) ?? ''}FOO=1\n`.replace(/worker/g, 'x')),
  'argv file gone': (w, a) => w.disk.delete(w.argvPath(a.name)),
  'launcher edited': (w) => w.put(`${seen.HOME}/.local/share/fleet/launch`, '#!/bin/sh\n', 0o700),
  'unit file edited': (w, _, n) => {
    const path = w.unitPath(one([w.layout.agentTemplate, w.layout.holderUnit], n));
    const text = w.text(path);
    if (text !== null) w.put(path, `${text}# by hand\n`);
  },
  "another fleet's unit file": (w) => {
    const path = w.unitPath(w.layout.agentTemplate);
    const text = w.text(path);
    if (text !== null) w.put(path, text.replaceAll('zoo', 'circus'));
  },
  'all gone': (w) => w.empty(),
  // heartbeats
  silent: (w, a) => w.oddBeats.set(a.name, { state: 'absent' }),
  stale: (w, a) => w.oddBeats.set(a.name, seen.beat(pane(w, a).pid, 600)),
  'from the future': (w, a) => w.oddBeats.set(a.name, seen.beat(pane(w, a).pid, -600)),
  'of another process': (w, a) => w.oddBeats.set(a.name, seen.beat(4711, 1)),
  torn: (w, a) => w.oddBeats.set(a.name, { state: 'unreadable', why: 'garbage', detail: 'torn' }),
  // what could not be looked at
  'tmux unknown': (w, _, n) => {
    const why = one(['timeout', 'denied', 'not-installed', 'protocol', 'garbage'] as const, n);
    w.truth.sources.tmux = { status: 'unknown', why, detail: 'no answer' };
  },
  'units unknown': (w) => {
    if (w.roster.supervisor === 'systemd')
      w.truth.sources.units = { status: 'unknown', why: 'no-bus', detail: 'nobody' };
  },
  'processes unknown': (w) => {
    w.truth.sources.processes = { status: 'unknown', why: 'denied', detail: 'hidepid' };
  },
  'heartbeats unknown': (w) => {
    w.truth.sources.heartbeats = { status: 'unknown', why: 'io', detail: 'EIO' };
  },
  // strangers
  'a stranger': (w, _, n) => {
    const names = ['ant-2', 'an', 'zoo', 'main', 'bee-watch-1', '$1'];
    const session = seen.sessionNamed(w.roster, one(names, n), `$${800 + n}`, 7000 + n, false);
    server(w).server.state === 'running' && seen.sessionsOf(w.truth).push(structuredClone(session) as never);
  },
  "another fleet's session": (w, _, n) => {
    const session = seen.sessionNamed(w.roster, `circus-${n}`, `$${900 + n}`, 7500 + n, false);
    const mark = { owner: 'circus', agent: `circus-${n}`, spec: null, pane: null };
    seen.sessionsOf(w.truth).push(structuredClone({ ...session, mark }) as never);
  },
  'the same name on another socket': (w, a) => {
    const session = seen.sessionNamed(w.roster, a.name, `$${on(a.name)}`, 7800 + on(a.name), false);
    other(w).push(structuredClone(session) as never);
  },
  // what becomes of those that are started
  'a fate': (w, a, n) => w.fates.set(a.name, one(FATES, n)),
  'enabling does nothing': (w, a) => w.cannotEnable.add(w.layout.agentUnit(a.name)),
  'linger refused': (w) => {
    w.lingerRefused = true;
  },
  'access denied': (w) => {
    w.accessDenied = true;
  },
  'jobs refused': (w, _, n) => {
    w.conflicts = n % 3;
  },
};
