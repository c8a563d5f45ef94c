/** `fleet ps` on a host with units: each column is what systemctl, tmux, ps and the files say themselves, as text and as JSON. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PsDocument } from '../../src/cli/views/ps-rows.ts';
import { until } from './harness/execute.ts';
import { expectSuccess, type Fleet, fleetOn } from './harness/fleet.ts';
import { bootHost } from './harness/host.ts';
import { describeOnHost } from './harness/on-host.ts';
import { snapshot } from './harness/snapshot.ts';
import { installStub, stubRoster } from './harness/stub-fleet.ts';

const USER = 'friday';
const SOCKET = 'rows';
const RUN = '.local/state/fleet/run';
const STUB = 'python3 /home/friday/dogfood-agent.py';

/** As it is left by `leave`: what no program tells of it, and what `ps` says of it. */
const AGENTS = [
  { name: 'well', wanted: 'running', beat: 'fresh', readiness: 'working', drift: [] },
  { name: 'off', wanted: 'running', beat: 'fresh', readiness: 'working', drift: ['boot-disabled pending'] },
  { name: 'gone', wanted: 'running', beat: 'fresh', readiness: 'dead', drift: ['session-missing pending'] },
  {
    name: 'other',
    wanted: 'running',
    beat: 'foreign',
    readiness: 'unknown',
    drift: ['runtime-unknown warning', 'heartbeat-foreign warning'],
  },
  { name: 'stale', wanted: 'running', beat: 'stale', readiness: 'stale', drift: ['heartbeat-stale warning'] },
  { name: 'rests', wanted: 'stopped', beat: 'missing', readiness: 'dead', drift: [] },
] as const;

interface Seen {
  readonly attached: number;
  readonly pid: number;
  /** Unix milliseconds. */
  readonly active: number;
}

describeOnHost('ps', () => {
  let fleet: Fleet;
  const sh = (script: string): Promise<string> => fleet.host.mustAs(USER, ['sh', '-c', script]);
  const unitOf = (agent: string): string => `fleet-agent@${agent}.service`;

  beforeAll(async () => {
    const host = await bootHost({ hostname: 'lab', users: [{ name: USER, linger: true }] });
    fleet = fleetOn(host, USER, `/home/${USER}/fleet.yaml`);
    await installStub(host, USER);
    const agents = AGENTS.map(({ name }) => name);
    const roster = stubRoster({ layout: 'fleet', socket: SOCKET, agents, more: [] });
    const edits = [
      ['name: rests,', 'name: rests, class: night, state: stopped, stopped: { by: me, why: rest },'],
      ['name: stale,', 'name: stale, heartbeat: { interval: 1s },'],
      ['defaults: {', 'defaults: { heartbeat: { interval: 10m },'],
    ] as const;
    await host.write(
      USER,
      'fleet.yaml',
      edits.reduce((text, [from, to]) => text.replace(from, to), roster),
    );
    expectSuccess(await fleet.apply());
    await leave();
  });
  afterAll(() => fleet?.host.destroy());

  const leave = async (): Promise<void> => {
    await fleet.host.write(USER, '.dogfood/well.status', 'busy\n');
    await sh(`timeout 50 sh -c 'until grep -q busy ${RUN}/well.hb; do sleep 0.1; done'`);
    await sh(`systemctl --user disable ${unitOf('off')}`);
    await sh(`tmux -L ${SOCKET} kill-session -t =gone`);
    await sh(`tmux -L ${SOCKET} respawn-pane -k -t =other: 'exec sleep infinity'`);
    // They can beat no more, and live: what the files say stays.
    for (const { name, wanted } of AGENTS)
      if (wanted === 'running')
        await sh(`cd ${RUN}; until rm -f ${name}.hb.tmp; mkdir ${name}.hb.tmp 2>/dev/null; do sleep 0.1; done`);
    await until('its heartbeat is stale', async () =>
      Date.now() - ((await beat('stale'))?.ts ?? 0) > 3000 ? true : null,
    );
    await sh(`tmux -L ${SOCKET} new-session -d -s guest 'exec sleep infinity'`);
    void fleet.host.as(USER, ['tmux', '-L', SOCKET, 'attach', '-t', '=well'], { tty: true });
    await until('somebody is attached', async () => (await sh(`tmux -L ${SOCKET} list-clients`)) || null);
  };

  const panes = async (): Promise<ReadonlyMap<string, Seen>> => {
    const format = '#{session_name} #{session_attached} #{pane_pid} #{window_activity}';
    const listed = (await sh(`tmux -L ${SOCKET} list-panes -a -F '${format}'`)).trim().split('\n');
    return new Map(
      listed.map((line) => {
        const [name = '', attached, pid, active] = line.split(' ');
        return [name, { attached: Number(attached), pid: Number(pid), active: Number(active) * 1000 }];
      }),
    );
  };
  const unit = async (agent: string): Promise<Readonly<Record<string, string>>> => {
    const shown = await sh(`systemctl --user show -p ActiveState,SubState,UnitFileState ${unitOf(agent)}`);
    return Object.fromEntries(
      shown
        .trim()
        .split('\n')
        .map((line) => line.split('=')),
    );
  };
  /** The runtime, by its command line, else the program. */
  const runs = async (pid: number): Promise<string> => {
    const args = (await sh(`ps -o args= -p ${pid}`)).trim();
    return args === STUB ? 'stub' : (args.split(' ')[0] ?? '');
  };
  const beat = async (agent: string): Promise<{ readonly ts: number; readonly status: string } | null> => {
    const text = await sh(`cat ${RUN}/${agent}.hb 2>/dev/null || true`);
    const of = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? '';
    return text === '' ? null : { ts: Math.round(Number(of('ts')) * 1000), status: of('status') };
  };

  test('--json: every field of every agent, then what is unmanaged, and nothing is changed', async () => {
    const [host, tenant] = [await sh('hostname'), await sh('id -un')].map((text) => text.trim());
    const before = await snapshot(fleet.host, USER);
    const there = await panes();
    const ran = await fleet.run(['ps', '--json', '-f', 'fleet.yaml']);
    expectSuccess(ran);
    expect(await snapshot(fleet.host, USER)).toEqual(before);
    const ps = JSON.parse(ran.stdout) as PsDocument;
    const now = Date.parse(ps.observed_at);

    expect(ps.agents.map(({ agent }) => agent)).toEqual(AGENTS.map(({ name }) => name));
    for (const [i, { name, wanted, ...says }] of AGENTS.entries()) {
      const { ActiveState, SubState, UnitFileState } = await unit(name);
      const pane = there.get(name);
      const told = await beat(name);
      expect(ps.agents[i]).toEqual({
        host,
        tenant,
        agent: name,
        class: name === 'rests' ? 'night' : 'worker',
        wanted_state: wanted,
        unit: { name: unitOf(name), active: ActiveState, sub: SubState },
        boot: UnitFileState,
        boot_wanted: wanted === 'running',
        session: pane === undefined ? 'absent' : 'present',
        socket: SOCKET,
        attached: pane?.attached ?? null,
        runtime: { wanted: 'stub', seen: pane === undefined ? null : await runs(pane.pid) },
        pid: pane?.pid ?? null,
        idle_ms: pane === undefined ? null : Math.max(0, now - pane.active),
        heartbeat: { state: says.beat, age_ms: told === null ? null : now - told.ts, status: told?.status ?? null },
        readiness: says.readiness,
        error: null,
        drift: says.drift.map((text) => text.split(' ')).map(([reason, state]) => ({ reason, state })),
      });
    }
    expect(ps).toMatchObject({ kind: 'fleet.ps', complete: true });
    expect(ps.unmanaged).toEqual([
      { host, tenant, address: `${host}/${tenant}/session/guest`, why: 'no mark, not on the roster' },
    ]);
  });

  test('as text: the same in words, what is unmanaged after the agents', async () => {
    const there = await panes();
    const from = Date.now();
    const ran = await fleet.run(['ps', '-f', 'fleet.yaml']);
    expectSuccess(ran);
    const to = Date.now();
    /** As it may be told between the two looks: whole seconds, whole minutes from one on. */
    const ages = (since: number): readonly string[] => {
      const [first, last] = [from, to].map((at) => Math.max(0, Math.floor((at - since) / 1000)));
      const all = Array.from({ length: (last ?? 0) - (first ?? 0) + 1 }, (_, i) => (first ?? 0) + i);
      return all.map((s) => (s < 60 ? `${s}s` : `${Math.floor(s / 60)}m`));
    };
    const [header = '', ...lines] = ran.stdout.split('\n');
    const starts = [...header.matchAll(/\S+/g)].map(({ index }) => index);
    const rows = lines
      .slice(0, AGENTS.length)
      .map((line) => starts.map((at, i) => line.slice(at, starts[i + 1]).trim()));

    expect(header.split(/ +/)).toEqual(
      'HOST TENANT AGENT UNIT BOOT SESSION RUNTIME PID IDLE HEARTBEAT DRIFT'.split(' '),
    );
    for (const [i, { name, wanted, readiness, drift }] of AGENTS.entries()) {
      const { ActiveState, SubState, UnitFileState } = await unit(name);
      const pane = there.get(name);
      const seen = pane === undefined ? 'stub' : await runs(pane.pid);
      const absent = wanted === 'stopped' ? 'stopped' : 'absent';
      const attached = pane?.attached === 0 ? 'present' : `attached (${pane?.attached})`;
      const [idle, heartbeat] = [rows[i]?.[8] ?? '', rows[i]?.[9] ?? ''];
      expect(rows[i]).toEqual([
        ...['lab', USER, name, `${ActiveState} (${SubState})`, UnitFileState],
        ...[pane === undefined ? absent : attached, seen === 'stub' ? 'stub' : `stub, seen ${seen}`],
        ...[String(pane?.pid ?? '-'), idle, heartbeat],
        drift.map((text) => text.replace(' pending', '').replace(/ (.*)/, ' ($1)')).join(', ') || '-',
      ]);
      expect(pane === undefined ? ['-'] : ages(pane.active)).toContain(idle);
      const told = await beat(name);
      expect((told === null ? ['-'] : ages(told.ts)).map((age) => `${age}/${readiness}`)).toContain(heartbeat);
    }
    expect(lines.slice(AGENTS.length)).toEqual([
      '',
      'Unmanaged (on no roster, left alone):',
      '  lab/friday/session/guest: no mark, not on the roster',
      '',
    ]);
  });
});
