/** Unit files that are not this fleet's: another fleet's, nobody's, or somebody's own behind a link. */
import { describe, expect, test } from 'vitest';
import { renderUnitFiles } from '../../src/spec/unit-file.ts';
import { coderWith, FLEET, MOSAIC, NONE } from './rosters.ts';
import { attached, type Break, drop, ended, lines, planOf, shell, source, unit } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const HOLDER = 'fleet-tmux.service';
const TEMPLATE = 'fleet-agent@.service';
const CODER = 'fleet-agent@coder.service';
const STUB = 'fleet-agent@stub.service';
const OTHERS = 'blocked(other-owner)';
const LINKED = 'blocked(not-ours)';

const wanted = renderUnitFiles(w.roster(FLEET), w.roster(FLEET).agents, w.HOME);
const textOf = (file: string): string => wanted[file] ?? '';

const file =
  (name: string, content: string, link: string | null = null): Break =>
  (o) => {
    w.filesOf(o).unit_files[name] = { ...w.fileWith(content), link_target: link } as never;
  };
const theirs = (name: string): Break => file(name, textOf(name).replace('Owner=mosaic', 'Owner=theirs'));
const edited = (name: string, link = `/home/jarvis/dotfiles/${name}`): Break =>
  file(name, `${textOf(name)}# mine\n`, link);
const unread =
  (name: string): Break =>
  (o) => {
    w.filesOf(o).unit_files[name] = { state: 'unknown', why: 'denied', detail: 'EACCES' };
  };
const noServer: Break = (o) => {
  Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } });
};
const idle = { active_state: 'inactive', sub_state: 'dead', unit_file_state: 'disabled', wanted_by: [] };
const both = [theirs(HOLDER), theirs(TEMPLATE)];
const FILES = [`${OTHERS} unit-file/${HOLDER} other-owner`, `${OTHERS} unit-file/${TEMPLATE} other-owner`];
const SESSIONS = [`${OTHERS} session/coder session-missing`, `${OTHERS} session/stub session-missing`];

describe("another fleet's unit files", () => {
  test.each([
    ['once ran, and is active', {}],
    ['is not active', { active_state: 'inactive', sub_state: 'dead' }],
    ['failed', { active_state: 'failed', result: 'exit-code' }],
  ])('no server, and their holder %s: nothing of theirs is started or restarted', (_name, holder) => {
    const breaks = [...both, noServer, unit(HOLDER, holder), unit(CODER, idle), unit(STUB, idle)];
    const plan = planOf({ yaml: FLEET, breaks });
    expect(w.lines(plan)).toEqual([
      ...FILES,
      `${OTHERS} tmux-server/factory server-missing`,
      `${OTHERS} unit/${CODER} boot-disabled`,
      `${OTHERS} unit/${STUB} boot-disabled`,
      ...SESSIONS,
    ]);
    for (const blocked of plan.blocked) {
      expect(blocked.evidence.at(-1)).toMatch(/^fleet-(tmux|agent@)\.service belongs to fleet theirs$/);
      expect(blocked.remedy).toContain('give fleet mosaic a user of its own');
    }
  });

  test('all is well but that: said once each, and nothing else', () => {
    expect(lines({ yaml: FLEET, breaks: both })).toEqual(FILES);
  });

  test.each([
    ['to be enabled', FLEET, unit(CODER, { unit_file_state: 'disabled', wanted_by: [] }), 'boot-disabled'],
    ['to be disabled', coderWith('boot: false'), unit(CODER, { unit_file_state: 'enabled' }), 'boot-enabled'],
    ['to be started', FLEET, unit(CODER, { active_state: 'inactive' }), 'unit-inactive'],
    ['failed', FLEET, unit(CODER, { active_state: 'failed' }), 'unit-failed'],
    ['in motion', FLEET, unit(CODER, { active_state: 'activating' }), 'unit-in-transition'],
    ['that systemd would not enable', FLEET, unit(CODER, { unit_file_state: 'static' }), 'unit-cannot-enable'],
    ['that is not there', FLEET, unit(CODER, { load_state: 'not-found', unit_file_state: '' }), 'unit-missing'],
  ])("an agent's unit %s: left alone", (_name, yaml, breakIt, reason) => {
    expect(lines({ yaml, was: FLEET, breaks: [...both, breakIt] })).toContain(`${OTHERS} unit/${CODER} ${reason}`);
    expect(planOf({ yaml, was: FLEET, breaks: [...both, breakIt] }).changes).toEqual([]);
  });

  test('`state: stopped`: neither the session is ended nor their unit disabled', () => {
    const yaml = coderWith('state: stopped');
    expect(lines({ yaml, was: FLEET, breaks: both })).toEqual([
      ...FILES,
      `${OTHERS} unit/${CODER} boot-enabled`,
      `${OTHERS} session/coder should-be-stopped`,
    ]);
  });

  test.each([
    ['its runtime has ended', shell('coder'), 'shell-left'],
    ['its pane is dead', ended('coder'), 'session-dead'],
  ])('a session of ours, %s: not started again by them', (_name, breakIt, reason) => {
    expect(lines({ yaml: FLEET, breaks: [...both, breakIt] })).toEqual([...FILES, `${OTHERS} session/coder ${reason}`]);
  });

  test('their holder, while our server lives: neither enabled nor started', () => {
    expect(lines({ yaml: FLEET, breaks: [...both, unit(HOLDER, idle)] })).toEqual([
      ...FILES,
      `${OTHERS} unit/${HOLDER} boot-disabled`,
    ]);
  });

  test('their units are not loaded anew', () => {
    expect(lines({ yaml: FLEET, breaks: [...both, unit(HOLDER, { need_daemon_reload: true })] })).toEqual(FILES);
  });

  test('the template alone: no server is missing, no session is started', () => {
    expect(lines({ yaml: FLEET, breaks: [theirs(TEMPLATE), drop('coder')] })).toEqual([
      FILES[1],
      `${OTHERS} session/coder session-missing`,
    ]);
  });

  test('`manage: warn`: warned of as ever', () => {
    const yaml = coderWith('manage: warn');
    expect(lines({ yaml, breaks: [...both, drop('coder'), unit(CODER, idle)] })).toEqual([
      ...FILES,
      `warning unit/${CODER} boot-disabled`,
      'warning session/coder session-missing',
    ]);
  });

  test('nobody’s: the same, with the way to take it over', () => {
    const plan = planOf({ yaml: FLEET, breaks: [file(HOLDER, '[Service]\n'), noServer] });
    const server = plan.blocked.find((b) => b.address.endsWith('/factory'));
    expect(server).toMatchObject({ guard: 'other-owner', reason: 'server-missing' });
    expect(server?.remedy).toContain(`fleet adopt unit-file/${HOLDER}`);
    expect(plan.changes).toEqual([]);
  });

  test('off the roster and recorded: nothing of it is pruned', () => {
    const yaml = FLEET.replace('  - name: stub\n    runtime: dogfood\n', '');
    const row = { yaml, was: FLEET, policy: { prune: true }, memory: w.owning(w.roster(FLEET), ['stub']) };
    expect(lines({ ...row, breaks: both })).toEqual([...FILES, `${OTHERS} unit/${STUB} orphan-unit`]);
    const argv: Break = (o) => {
      w.filesOf(o).argv_files['stub'] = w.fileWith('# fleet: owner=theirs\n');
    };
    const gone = unit(STUB, idle);
    expect(lines({ ...row, breaks: [argv, gone, drop('stub')] })).toEqual([`${OTHERS} env-file/stub.argv orphan-unit`]);
    // Also where its unit is there: that file is what makes it another's.
    expect(lines({ ...row, breaks: [argv, drop('stub')] })).toEqual([`${OTHERS} env-file/stub.argv orphan-unit`]);
    expect(lines({ ...row, breaks: [...both, drop('stub')] })).toEqual([
      ...FILES,
      `${OTHERS} unit/${STUB} orphan-unit`,
    ]);
    expect(lines({ ...row, breaks: [unread(TEMPLATE)] })).toContain(`unknown(denied) unit/${STUB}`);
  });
});

describe("another fleet's agent of the same name", () => {
  const argv: Break = (o) => {
    w.filesOf(o).argv_files['stub'] = w.fileWith('# fleet: owner=theirs\n');
  };
  test.each([
    ['layout fleet', FLEET],
    ['supervisor none', NONE],
  ])('%s: it is not started, for the launcher would start theirs', (_name, yaml) => {
    expect(lines({ yaml, breaks: [argv, drop('stub')] })).toEqual([
      `${OTHERS} env-file/stub other-owner`,
      `${OTHERS} session/stub session-missing`,
    ]);
  });
});

describe('unit files that could not be read', () => {
  test('one that was not looked at may be somebody else’s too, and that is said', () => {
    const unlooked: Break = (o) => {
      delete w.filesOf(o).unit_files[TEMPLATE];
    };
    const plan = planOf({ yaml: FLEET, breaks: [unlooked, drop('coder')] });
    expect(plan.changes).toEqual([]);
    const told = plan.unknown.find((u) => u.address.endsWith('session/coder'));
    expect(told).toMatchObject({
      why: 'not-observed',
      detail: `session missing, left alone: ${TEMPLATE} was not looked at`,
    });
  });

  test('may be somebody else’s: nothing that runs by them is done', () => {
    const plan = planOf({ yaml: FLEET, breaks: [unread(HOLDER), unread(TEMPLATE), noServer, unit(CODER, idle)] });
    expect(plan.changes).toEqual([]);
    expect(w.lines(plan)).toEqual(
      expect.arrayContaining([
        'unknown(denied) tmux-server/factory',
        `unknown(denied) unit/${CODER}`,
        'unknown(denied) session/coder',
      ]),
    );
  });

  test('with all other files: the same', () => {
    expect(planOf({ yaml: FLEET, breaks: [source('files'), noServer, unit(CODER, idle)] }).changes).toEqual([]);
  });
});

describe('a unit file that is a link', () => {
  test.each([TEMPLATE, HOLDER])('%s, to what is wanted: as wanted', (name) => {
    expect(lines({ yaml: FLEET, breaks: [file(name, textOf(name), '../mine')] })).toEqual([]);
  });

  test.each([TEMPLATE, HOLDER])('%s, to another text: told, neither written through nor replaced', (name) => {
    const plan = planOf({ yaml: FLEET, breaks: [edited(name)] });
    expect(w.lines(plan)).toEqual([`${LINKED} unit-file/${name} unit-file-changed`]);
    expect(plan.blocked[0]?.evidence).toEqual([
      `${name} is a link to /home/jarvis/dotfiles/${name}, which reads otherwise than fleet wants it: fleet neither writes through it nor replaces it`,
      'reads: # mine',
    ]);
    expect(plan.blocked[0]?.remedy).toContain(`rm ~/.config/systemd/user/${name}`);
  });

  test('to nothing: told, and what runs by it is not taken for something that this plan writes', () => {
    const none = { ...idle, load_state: 'not-found', unit_file_state: 'bad' };
    expect(lines({ yaml: FLEET, breaks: [file(HOLDER, '', 'nowhere'), noServer, unit(HOLDER, none)] })).toEqual([
      `${LINKED} unit-file/${HOLDER} unit-file-changed`,
      `${LINKED} tmux-server/factory server-missing`,
      `${LINKED} unit/${HOLDER} unit-missing`,
      'blocked(missing) session/coder session-missing',
      'blocked(missing) session/stub session-missing',
    ]);
  });

  test('no agent is started by another text, and the holder’s row says what it is', () => {
    expect(lines({ yaml: FLEET, breaks: [edited(TEMPLATE), drop('coder'), attached('stub')] })).toEqual([
      `${LINKED} unit-file/${TEMPLATE} unit-file-changed`,
      `${LINKED} session/coder session-missing`,
    ]);
    const plan = planOf({ yaml: FLEET, breaks: [edited(HOLDER), unit(HOLDER, { unit_file_state: 'alias' })] });
    expect(w.lines(plan)).toEqual([
      `${LINKED} unit-file/${HOLDER} unit-file-changed`,
      `${LINKED} unit/${HOLDER} unit-cannot-enable`,
    ]);
    expect(plan.blocked[1]?.remedy).toContain(`rm ~/.config/systemd/user/${HOLDER}`);
  });

  test('to what is wanted, under another name: systemd calls it an alias, and the way out is a file', () => {
    const breaks = [file(HOLDER, textOf(HOLDER), '../mine'), unit(HOLDER, { unit_file_state: 'alias' })];
    const plan = planOf({ yaml: FLEET, breaks });
    expect(w.lines(plan)).toEqual([`blocked(cannot-enable) unit/${HOLDER} unit-cannot-enable`]);
    expect(plan.blocked[0]?.remedy).toContain('cp --remove-destination');
  });

  test("to another fleet's: theirs", () => {
    const linked = file(TEMPLATE, textOf(TEMPLATE).replace('Owner=mosaic', 'Owner=theirs'), '/x');
    expect(lines({ yaml: FLEET, breaks: [linked] })).toEqual([`${OTHERS} unit-file/${TEMPLATE} other-owner`]);
  });

  test('layout mosaic, in the place of one that was adopted, to nothing: not written, and so not there', () => {
    const name = 'mosaic-agent@.service';
    const record = {
      ...({ kind: 'unit-file', name, agent: null, how: 'adopted', state: 'made', protect: false } as const),
      ...{ since: '2026-05-01T00:00:00.000Z', plan: null, content: '[Service]\nExecStart=/bin/true\n' },
    };
    const memory = { ...w.owning(w.roster(MOSAIC), []), owned: { [`unit-file/${name}`]: record } };
    const none = unit('mosaic-agent@coder.service', { ...idle, load_state: 'not-found', unit_file_state: 'bad' });
    expect(lines({ yaml: MOSAIC, memory, breaks: [file(name, '', 'nowhere'), none] })).toEqual([
      `${LINKED} unit-file/${name} unit-file-changed`,
      'blocked(missing) unit/mosaic-agent@coder.service unit-missing',
      'blocked(not-ours) session/coder not-adopted',
    ]);
  });
});
