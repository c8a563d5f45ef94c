/** The plan as a document and as text: what a reader is told of each kind of finding, of hosts, and of what was left out. */
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/diff/canonical.ts';
import { applyCommand, fleetCommand, planCommand } from '../../src/diff/command-line.ts';
import { formatPlan } from '../../src/diff/format-text.ts';
import { EMPTY_MEMORY } from '../../src/diff/policy.ts';
import { FLEET, MOSAIC, NONE } from './rosters.ts';
import { attached, type Break, drop, lines, planOf, shell, source, unit } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const at = 'w-jarvis/jarvis';
const text = (...args: Parameters<typeof planOf>): readonly string[] =>
  w
    .text(planOf(...args))
    .trimEnd()
    .split('\n\n')
    .map((block) => block.replaceAll('\n    ', '\n'));

describe('the text', () => {
  test('says of each kind of finding what it is, why, and how to go on', () => {
    const pause = { target: 'env-file/stub', by: 'ann', since: 'then', until: '2027-01-01', reason: 'mine' };
    const stub: Break = (o) => {
      w.filesOf(o).env_files['stub'] = { state: 'absent' };
      w.paneOf(o, 'stub').prompt = { id: 'trust', text: 'Trust?' };
      w.session(o, 'stub').mark = { owner: 'mosaic', agent: 'stub', spec: null, pane: '%2001' };
    };
    const blocks = text({
      yaml: `${FLEET}ignore:\n  - { target: unit/fleet-agent@coder.service, reason: known }\n`,
      memory: { ...EMPTY_MEMORY, holds: { crash_loops: {}, contested: [], pauses: [pause] } },
      breaks: [
        shell('coder'),
        attached('coder'),
        stub,
        unit('fleet-agent@coder.service', { unit_file_state: 'disabled' }),
        unit('fleet-agent@stub.service', { unit_file_state: 'static' }),
        (o) => {
          w.filesOf(o).argv_files['coder'] = { state: 'unknown', why: 'denied', detail: 'EACCES' };
          w.filesOf(o).launcher = { state: 'absent' };
        },
      ],
    });
    expect(blocks).toEqual([
      'Plan: 1 to create, 1 blocked, 2 not observed. 1 of 1 host observed; 0 agents unchanged.',
      expect.stringMatching(
        /^\+ w-jarvis\/jarvis\/env-file\/fleet.launch {2}create \(env-file-missing\)\nsha256: \(none\) -> [0-9a-f]{12}…\nbecause: it is not there$/,
      ),
      `! ${at}/unit/fleet-agent@stub.service  blocked by cannot-enable (unit-cannot-enable)\nbecause: fleet-agent@stub.service is static: it has no [Install] section\nto go on: give its unit file an [Install] section with WantedBy=default.target, then: systemctl --user daemon-reload\nroster: fleet.yaml:8`,
      `? ${at}/env-file/coder.argv  not observed (denied)\nEACCES`,
      `? ${at}/session/coder  not observed (denied)\nwhat it is started from cannot be read: EACCES`,
      `Warnings:\n${at}/session/stub spec-unknown: what it was started from cannot be told: the session bears no fingerprint (@fleet_spec)\n${at}/session/stub parked: waits at a prompt (trust): Trust?`,
      `Ignored by the roster:\n${at}/unit/fleet-agent@coder.service boot-disabled: known (line 13)`,
      `Paused, left alone:\n${at}/env-file/stub: mine (by ann since then until 2027-01-01)\n${at}/env-file/stub env-file-missing: mine (by ann since then until 2027-01-01)`,
    ]);
  });

  test('says of what is put off whom it waits for, and the command that does not', () => {
    expect(text({ yaml: FLEET, breaks: [shell('coder'), attached('coder')] })).toEqual([
      'No changes: 1 deferred. 1 of 1 host observed; 1 agent unchanged.',
      `-/+ ${at}/session/coder  restart deferred: attached (shell-left)\nruntime: null -> pi\nbecause: the runtime has ended, bash (pid 2000) is left\nbecause: 1 attached\nto go on: detach, or: fleet apply --target session/coder --even-if-attached`,
    ]);
  });

  test('says what is read now and what it should be: gone, empty, new, and nothing of what stays', () => {
    const plan = planOf({ yaml: FLEET, breaks: [drop('coder')] });
    const [change] = plan.changes;
    if (change === undefined) throw new Error('no change');
    const sha = 'a'.repeat(40);
    const shown = (before: object, after: object) =>
      formatPlan(
        {
          ...plan,
          changes: [{ ...change, source: null, evidence: [], before: before as never, after: after as never }],
        },
        { color: false },
      )
        .split('\n')
        .slice(3, -1)
        .map((l) => l.trim());
    expect(shown({ a: 'x', b: 'y', c: 1 }, { b: 'y', a: '', d: [1] })).toEqual([
      'a: x -> ""',
      'c: 1 -> (none)',
      'd: (none) -> [1]',
    ]);
    expect(shown({ a: sha, b: `${sha}z`, c: `z${sha}`, d: 'a' }, { a: '1', b: '1', c: '1', d: '1' })).toEqual([
      `a: ${sha.slice(0, 12)}… -> 1`,
      `b: ${sha}z -> 1`,
      `c: z${sha} -> 1`,
      'd: a -> 1',
    ]);
  });

  test('has a sign and a colour for each action', () => {
    const plan = planOf({ yaml: FLEET, breaks: [drop('coder')] });
    const [change] = plan.changes;
    if (change === undefined) throw new Error('no change');
    const sign = (action: typeof change.action): string =>
      formatPlan({ ...plan, changes: [{ ...change, action }] }, { color: true })
        .split('\n')[2]
        ?.split(` ${at}`)[0] ?? '';
    const actions = [
      'create',
      'start',
      'restart',
      'stop',
      'destroy',
      'disable',
      'enable',
      'update',
      'reload',
      'signal',
    ] as const;
    expect(actions.map((a) => sign(a).replace('\u001b[', ''))).toEqual([
      ...['32m+', '32m+', '35m-/+', '31m-', '31m-', '33m~', '33m~', '33m~', '33m~', '33m~'],
    ]);
    expect(formatPlan(plan, { color: true })).toContain('\u001b[0m');
  });

  test('counts hosts that were observed and those that were not', () => {
    const yaml = `version: 1\nsupervisor: none\nhosts: { w-jarvis: {}, dragon: { ssh: a@b } }\ntenants: { ann: { user: ann } }\nagents:\n  - { name: here, runtime: pi }\n  - { name: there, runtime: pi, host: dragon, tenant: ann }\n  - { name: too, runtime: pi, host: dragon, tenant: ann }\n`;
    const was = 'version: 1\nsupervisor: none\nagents:\n  - { name: here, runtime: pi }\n';
    expect(text({ yaml, was })[0]).toBe('No changes: 2 not observed. 1 of 2 hosts observed; 1 agent unchanged.');
    const plan = planOf({ yaml, was });
    expect(
      plan.hosts.map(({ name, tenant, status, observed_at, boot_id, tmux }) => [
        name,
        tenant,
        status,
        observed_at,
        boot_id,
        tmux,
      ]),
    ).toEqual([
      [
        'w-jarvis',
        'jarvis',
        'observed',
        '2026-06-01T12:00:00.000Z',
        'b00t',
        { socket: 'default', server_pid: 1000, server_start: 1_780_300_000 },
      ],
      ['dragon', 'ann', 'unreachable', null, null, null],
    ]);
    expect(plan.unknown.map((u) => u.address)).toEqual(['dragon/ann/session/there', 'dragon/ann/session/too']);
    expect(planOf({ yaml, was, policy: { hosts: ['dragon', 'W-jarvis'] } }).hosts).toHaveLength(2);
    expect(planOf({ yaml, was, policy: { hosts: ['dragon'], tenants: ['ann'] } }).hosts.map((h) => h.name)).toEqual([
      'dragon',
    ]);
    expect(planOf({ yaml, was, policy: { tenants: ['jarvis'] } }).unknown).toEqual([]);
  });

  test('says where nothing was to be done although not all could be observed', () => {
    const plan = planOf({ yaml: NONE, breaks: [source('heartbeats')] });
    expect(plan.hosts[0]).toMatchObject({ status: 'partial', error: 'heartbeats: x' });
    expect(w.text({ ...plan, summary: { ...plan.summary, unknown: 0 } })).toContain(
      'No changes where it could be observed. 1 of 1 host',
    );
    expect(planOf({ yaml: NONE }).hosts[0]).toMatchObject({ status: 'observed', error: null });
    expect(planOf({ yaml: FLEET, breaks: [source('units')] }).hosts[0]?.error).toBe('units: x');
    expect(planOf({ yaml: FLEET, breaks: [source('units'), source('processes')] }).hosts[0]?.error).toBe(
      'units: x; processes: x',
    );
    const gone: Break = (o) => Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } });
    expect(planOf({ yaml: FLEET, breaks: [gone] }).hosts[0]?.tmux).toBeNull();
  });

  test('counts each kind of change, and whom none of them concerns', () => {
    const plan = planOf({
      yaml: FLEET,
      breaks: [
        drop('coder'),
        unit('fleet-agent@coder.service', { need_daemon_reload: true, unit_file_state: 'disabled' }),
        (o) => {
          const file = w.filesOf(o).env_files['coder'];
          if (file?.state === 'present') file.own['FLEET_AGENT_CLASS'] = 'x';
        },
      ],
    });
    expect(plan.summary).toMatchObject({
      start: 1,
      reload: 1,
      enable: 1,
      update: 1,
      create: 0,
      unchanged: 1,
      deferred: 0,
    });
  });
});

describe('what concerns the host', () => {
  const stale = (name: string): Break => unit(name, { need_daemon_reload: true });
  test('one reload, named by the file of the first, or by the layout where it has none', () => {
    const none = unit('mosaic-tmux-holder.service', { need_daemon_reload: true, fragment_path: null });
    expect(lines({ yaml: MOSAIC, breaks: [none] })).toEqual([
      'reload unit-file/mosaic-tmux-holder.service daemon-reload-needed',
    ]);
    const agents = unit('mosaic-agent@coder.service', { need_daemon_reload: true, fragment_path: null });
    expect(lines({ yaml: MOSAIC, breaks: [agents] })).toEqual([
      'reload unit-file/mosaic-agent@.service daemon-reload-needed',
    ]);
    const own = unit('mosaic-agent@coder.service', { need_daemon_reload: true, fragment_path: '/x/own.service' });
    expect(lines({ yaml: MOSAIC, breaks: [own] })).toEqual(['reload unit-file/own.service daemon-reload-needed']);
  });

  test('the first four of more than five are named', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const yaml = `version: 1\nagents:\n${names.map((n) => `  - { name: ${n}, runtime: pi }\n`).join('')}`;
    const evidence = (count: number) =>
      planOf({ yaml, breaks: names.slice(0, count).map((n) => stale(`fleet-agent@${n}.service`)) }).changes[0]
        ?.evidence ?? [];
    expect(evidence(5)).toHaveLength(5);
    expect(evidence(6).at(-1)).toBe('and 2 more');
    expect(evidence(6)).toHaveLength(5);
  });

  const off: Break = (o) => {
    o.sources.linger = { status: 'known', value: { user: 'jarvis', enabled: false } };
  };
  test('linger is for agents that are kept running, and for any of them', () => {
    const only = (fields: string) =>
      FLEET.replaceAll('    runtime: dogfood\n', '    runtime: dogfood\n    boot: false\n').replace(
        '    runtime: pi\n',
        `    runtime: pi\n    ${fields}\n`,
      );
    expect(lines({ yaml: only('boot: true'), breaks: [off] })).toEqual(['enable linger/jarvis linger-disabled']);
    expect(lines({ yaml: only('manage: warn'), breaks: [off] })).toEqual([]);
    expect(lines({ yaml: only('state: stopped'), breaks: [off] })).toEqual([]);
    expect(lines({ yaml: NONE, breaks: [off] })).toEqual([]);
  });

  test.each([
    ['no-bus', true],
    ['no-runtime-directory', true],
    ['foreign-runtime-directory', false],
  ])('off, and units unknown because of %s: planned anew after it: %s', (why, replan) => {
    const plan = planOf({ yaml: FLEET, breaks: [off, source('units', why)] });
    expect(plan.changes.map((c) => [c.kind, c.replan])).toEqual([['linger', replan]]);
  });
});

describe('ignore rules', () => {
  const ignoring = (...rules: readonly string[]): string =>
    `${FLEET}ignore:\n${rules.map((r) => `  - ${r}\n`).join('')}`;
  const gone = [drop('coder')];
  test('hold to the end of their day, or to their moment', () => {
    const until = (value: string) =>
      lines({ yaml: ignoring(`{ target: session/coder, reason: r, until: ${value} }`), breaks: gone });
    expect(until('2026-06-01')).toEqual(['ignored session/coder session-missing']);
    expect(until('2026-05-31')).toEqual([
      'start session/coder session-missing',
      'warning session/coder ignore-expired',
    ]);
  });

  test('that are over are warned of, where they are about this host', () => {
    const over = (target: string): string => `{ target: ${target}, reason: r, until: 2026-05-31 }`;
    const rules = ['coder', 'env-file/stub', `${at}/unit/fleet-agent@coder.service`, 'elsewhere/jarvis/session/coder'];
    const plan = planOf({ yaml: ignoring(...rules.map(over), '{ target: coder, reason: r }') });
    expect(plan.warnings.map((i) => [i.address, i.agent, i.reason])).toEqual([
      [`${at}/session/coder`, 'coder', 'ignore-expired'],
      [`${at}/env-file/stub`, 'stub', 'ignore-expired'],
      [`${at}/unit/fleet-agent@coder.service`, null, 'ignore-expired'],
    ]);
    expect(plan.warnings[0]?.evidence).toEqual([
      'the rule of line 13 (coder: r) held until 2026-05-31, and covers nothing any more',
      'take it out, or give it a later date',
    ]);
  });

  test('are noted once for one thing, with their line, reason and date', () => {
    const rule = '{ target: coder, reason: r, until: 2026-12-31 }';
    const plan = planOf({ yaml: ignoring(rule, '{ target: stub, reason: other }'), breaks: [...gone, drop('stub')] });
    expect(plan.ignored.map((i) => [i.address, i.reason, i.path, i.rule])).toEqual([
      [`${at}/session/coder`, 'session-missing', null, { reason: 'r', until: '2026-12-31', line: 13 }],
      [`${at}/session/stub`, 'session-missing', null, { reason: 'other', until: null, line: 14 }],
    ]);
  });

  test('cover neither what could not be observed nor what is not managed', () => {
    const blind: Break = (o) =>
      Object.assign(w.tmuxOf(o), { server: { state: 'unknown', why: 'timeout', detail: 'x' } });
    expect(lines({ yaml: ignoring('{ target: coder, reason: r }'), breaks: [blind] })).toContain(
      'unknown(timeout) session/coder',
    );
  });
});

test('a command says all that the command line said', () => {
  const policy = {
    ...{
      ...w.POLICY,
      hosts: ['h'],
      tenants: ['t'],
      targets: ['a', 'b'],
      excludes: ['c'],
      prune: true,
      allowEmpty: true,
    },
    ...{
      evenIfAttached: true,
      evenIfBusy: true,
      maxDestroy: { value: 3, unit: 'count' as const },
      maxDisrupt: { value: 20, unit: 'percent' as const },
    },
  };
  const words =
    '--host h --tenant t --target a --target b --exclude c --prune --allow-empty --even-if-attached --even-if-busy --max-destroy 3 --max-disrupt 20%';
  expect(applyCommand({ roster: { path: 'r.yaml' }, policy })).toBe(`fleet apply -f r.yaml ${words}`);
  expect(planCommand({ roster: { path: 'fleet.yaml' }, policy })).toBe(`fleet plan ${words}`);
  expect(fleetCommand({ path: 'r.yaml' })).toBe('fleet -f r.yaml');
});

test('equal data has equal bytes, whatever the order of its keys', () => {
  expect(canonicalJson({ b: [2, { d: null, c: 'x' }], a: 1 })).toBe('{"a":1,"b":[2,{"c":"x","d":null}]}');
  expect(canonicalJson({ a: 1, b: [2, { c: 'x', d: null }] })).toBe('{"a":1,"b":[2,{"c":"x","d":null}]}');
});
