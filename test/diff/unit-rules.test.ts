import { describe, expect, test } from 'vitest';
import { EMPTY_MEMORY } from '../../src/diff/policy.ts';
import type { Observed, UnitObserved } from '../../src/observe/state.ts';
import { coderWith, FLEET, MOSAIC, NONE } from './rosters.ts';
import * as w from './world.ts';
import './findings-read.ts';

type Break = (o: w.Mutable<Observed>) => void;
const fleet = w.roster(FLEET);
const mosaic = w.roster(MOSAIC);
const CODER = 'fleet-agent@coder.service';
const MOSAIC_CODER = 'mosaic-agent@coder.service';

function planned(r: ReturnType<typeof w.roster>, breakIt: Break, options: w.PlanOptions = {}): readonly string[] {
  const observed = w.healthy(r);
  breakIt(observed);
  return w.lines(w.planOf(r, observed, options));
}

const set =
  (name: string, fields: Partial<w.Mutable<UnitObserved>>): Break =>
  (o) => {
    Object.assign(w.unit(o, name), fields);
  };

describe('units: boot', () => {
  test.each([
    ['disabled', 'boot-disabled'],
    ['enabled-runtime', 'boot-runtime-only'],
    ['linked', 'unit-linked'],
    ['linked-runtime', 'unit-linked'],
  ])('%s where it should come up at boot: %s, enabled', (state, reason) => {
    expect(planned(fleet, set(CODER, { unit_file_state: state }))).toEqual([`enable unit/${CODER} ${reason}`]);
  });

  test.each(['static', 'indirect', 'generated', 'transient', 'alias'])(
    '%s: blocked, for enable would exit 0 and do nothing',
    (state) => {
      expect(planned(fleet, set(CODER, { unit_file_state: state }))).toEqual([
        `blocked(cannot-enable) unit/${CODER} unit-cannot-enable`,
      ]);
    },
  );

  test('static, for the [Install] section of our own file was taken out: written again, and enabled then', () => {
    const file = 'fleet-agent@.service';
    const without =
      (edit: (text: string) => string): Break =>
      (o) => {
        const seen = w.filesOf(o).unit_files[file];
        const content = seen?.state === 'present' ? seen.content : '';
        w.filesOf(o).unit_files[file] = w.fileWith(edit(content)) as never;
        set(CODER, { unit_file_state: 'static' })(o);
      };
    const section = '[Install]\nWantedBy=default.target\n';
    expect(
      planned(
        fleet,
        without((text) => text.replace(section, '')),
      ),
    ).toEqual([
      `update unit-file/${file} unit-file-changed`,
      `reload unit-file/${file} daemon-reload-needed`,
      `enable unit/${CODER} boot-disabled`,
    ]);
    const instance: Break = (o) => {
      without((text) => text.replace(section, ''))(o);
      set(CODER, { fragment_path: `/home/jarvis/.config/systemd/user/${CODER}` })(o);
    };
    expect(planned(fleet, instance)).toContain(`blocked(cannot-enable) unit/${CODER} unit-cannot-enable`);
    const foreign = (text: string) => text.replace(section, '').replace(/^Owner=.*$/m, 'Owner=theirs');
    expect(planned(fleet, without(foreign))).toContain(`blocked(other-owner) unit/${CODER} unit-cannot-enable`);
  });

  describe('where the writing of its file is held back, there is nothing to enable', () => {
    const file = 'fleet-agent@.service';
    const edited: Break = (o) => {
      const seen = w.filesOf(o).unit_files[file];
      const content = seen?.state === 'present' ? seen.content : '';
      w.filesOf(o).unit_files[file] = w.fileWith(content.replace('[Install]\nWantedBy=default.target\n', '')) as never;
      set(CODER, { unit_file_state: 'static' })(o);
    };
    const gone: Break = (o) => {
      w.filesOf(o).unit_files[file] = { state: 'absent' };
      set(CODER, { load_state: 'not-found', unit_file_state: '' })(o);
    };
    const ignoring = w.roster(`${FLEET}ignore: [{ target: unit-file/${file}, reason: mine }]\n`);
    const pause = {
      target: `unit-file/${file}`,
      reason: 'mine',
      until: null,
      since: '2026-06-01T11:00:00.000Z',
      by: 'ada',
    };
    const holds = { crash_loops: {}, contested: [], pauses: [pause] };
    test.each([
      ['static', edited],
      ['not there', gone],
    ])('%s', (_name, breakIt) => {
      const left = `blocked(cannot-enable) unit/${CODER} boot-disabled`;
      expect(planned(fleet, breakIt)).toContain(`enable unit/${CODER} boot-disabled`);
      expect(planned(ignoring, breakIt)).toContain(left);
      const observed = w.healthy(fleet);
      breakIt(observed);
      const plan = w.planOf(fleet, observed, { memory: { ...EMPTY_MEMORY, holds } });
      expect(w.lines(plan)).toContain(left);
      expect(plan.blocked.find((b) => b.address.endsWith(CODER))?.remedy).toBe(
        `see to unit-file/${file} first: fleet explain unit-file/${file}`,
      );
    });

    test('nor anything to start: neither its session nor, of the holder, the server', () => {
      const agentGone: Break = (o) => {
        gone(o);
        w.dropSession(o, 'coder');
        set(CODER, { active_state: 'inactive', sub_state: 'dead' })(o);
      };
      expect(planned(fleet, agentGone)).toContain('start session/coder session-missing');
      expect(planned(ignoring, agentGone)).toEqual([
        `blocked(cannot-enable) unit/${CODER} boot-disabled`,
        'blocked(missing) session/coder session-missing',
        `ignored unit-file/${file} unit-missing`,
      ]);
      const holder = 'fleet-tmux.service';
      const noHolder: Break = (o) => {
        w.filesOf(o).unit_files[holder] = { state: 'absent' };
        set(holder, { load_state: 'not-found', unit_file_state: '', active_state: 'inactive' })(o);
        Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } });
      };
      const ignoringHolder = w.roster(`${FLEET}ignore: [{ target: unit-file/${holder}, reason: mine }]\n`);
      expect(planned(fleet, noHolder)).toContain('start tmux-server/factory server-missing');
      const left = planned(ignoringHolder, noHolder);
      expect(left).toContain('blocked(missing) tmux-server/factory server-missing');
      expect(left.filter((line) => line.startsWith('start'))).toEqual([]);
    });

    test('no agent is started where its server is paused, but on a socket that no holder keeps', () => {
      const noServer: Break = (o) => Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } });
      const of = (target: string) => ({ ...holds, pauses: [{ ...pause, target }] });
      const memory = { ...EMPTY_MEMORY, holds: of('tmux-server/factory') };
      for (const yaml of [FLEET, NONE]) {
        const found = planned(w.roster(yaml), noServer, { memory });
        expect(found.filter((line) => !line.startsWith('ignored'))).toEqual([
          'blocked(missing) session/coder session-missing',
          'blocked(missing) session/stub session-missing',
        ]);
      }
      const own = w.roster(MOSAIC.replace('    runtime: pi\n', '    runtime: pi\n    socket: mine\n'));
      const observed = w.healthy(own);
      for (const index of [0, 1]) {
        const server = w.tmuxOf(observed, index);
        if (server.socket === 'mine') Object.assign(server, { listening: [], server: { state: 'absent' } });
      }
      expect(w.lines(w.planOf(own, observed, { memory }))).toContain('start session/coder session-missing');
    });

    test('one that is loaded still, its file deleted since, is started as it is', () => {
      const loaded: Break = (o) => {
        w.filesOf(o).unit_files[file] = { state: 'absent' };
        w.dropSession(o, 'coder');
        set(CODER, { unit_file_state: '', need_daemon_reload: true })(o);
      };
      expect(planned(ignoring, loaded)).toContain('start session/coder session-missing');
    });

    test('a file that is there, which systemd has not read yet, is enough', () => {
      const unread = set(CODER, { load_state: 'not-found', unit_file_state: '' });
      expect(planned(ignoring, unread)).toContain(`enable unit/${CODER} boot-disabled`);
    });
  });

  test('enabled, but wanted by no target that starts at boot: enabled again where the file is ours, else blocked', () => {
    const fields = { wanted_by: ['graphical-session.target'] };
    expect(planned(fleet, set(CODER, fields))).toEqual([`enable unit/${CODER} boot-wrong-target`]);
    expect(planned(mosaic, set(MOSAIC_CODER, fields))).toEqual([
      `blocked(cannot-enable) unit/${MOSAIC_CODER} boot-wrong-target`,
    ]);
  });

  test('a drop-in that names another target: blocked, for enabling again would change nothing', () => {
    const fields = { wanted_by: ['foo.target'], drop_in_paths: ['/home/jarvis/.config/systemd/user/x.d/mine.conf'] };
    expect(planned(fleet, set(CODER, fields))).toEqual([`blocked(cannot-enable) unit/${CODER} boot-wrong-target`]);
  });

  test('wanted by a target that default.target brings up: no drift', () => {
    expect(planned(fleet, set(CODER, { wanted_by: ['basic.target'] }))).toEqual([]);
  });

  test.each(['enabled', 'enabled-runtime'])('%s with `boot: false`: boot-enabled, disabled', (state) => {
    const r = w.roster(coderWith('boot: false'));
    expect(planned(r, set(CODER, { unit_file_state: state }))).toEqual([`disable unit/${CODER} boot-enabled`]);
  });

  test('enabled with `state: stopped`: disabled', () => {
    const r = w.roster(coderWith('state: stopped'));
    expect(planned(r, set(CODER, { unit_file_state: 'enabled' }))).toEqual([`disable unit/${CODER} boot-enabled`]);
  });

  test('an ephemeral agent is not enabled', () => {
    const r = w.roster(coderWith('lifecycle: ephemeral'));
    expect(planned(r, () => {})).toEqual([]);
  });

  test("the holder's unit is judged too", () => {
    expect(planned(fleet, set('fleet-tmux.service', { unit_file_state: 'disabled' }))).toEqual([
      'enable unit/fleet-tmux.service boot-disabled',
    ]);
  });

  test('nothing of it with supervisor none', () => {
    const plan = w.planOf(w.roster(NONE), w.healthy(w.roster(NONE)));
    expect(plan.changes.filter((c) => ['unit', 'unit-file', 'linger'].includes(c.kind))).toEqual([]);
  });
});

describe('units: what cannot be worked with', () => {
  test.each(['masked', 'masked-runtime'])('%s: blocked, and its session is not started', (state) => {
    const found = planned(fleet, (o) => {
      set(CODER, { unit_file_state: state, load_state: 'masked' })(o);
      w.dropSession(o, 'coder');
    });
    expect(found).toEqual([`blocked(masked) unit/${CODER} unit-masked`]);
  });

  test('masked or not there: the row says of the session that it is missing too, where it is and should not be', () => {
    const evidence = (fields: Partial<w.Mutable<UnitObserved>>, breakIt: Break, yaml = MOSAIC): string => {
      const roster = w.roster(yaml);
      const observed = w.healthy(roster);
      set(MOSAIC_CODER, fields)(observed);
      breakIt(observed);
      const row = w.planOf(roster, observed).blocked.find((b) => b.address.endsWith(MOSAIC_CODER));
      return row?.evidence.at(-1) ?? '';
    };
    const gone: Break = (o) => w.dropSession(o, 'coder');
    for (const fields of [
      { unit_file_state: 'masked', load_state: 'masked' },
      { load_state: 'not-found', unit_file_state: '', fragment_path: null },
    ]) {
      expect(evidence(fields, gone)).toBe('session coder is missing');
      expect(evidence(fields, () => {})).not.toContain('session coder');
      const blind: Break = (o) => {
        w.tmuxOf(o).server = { state: 'unknown', why: 'timeout', detail: 'x' };
      };
      expect(evidence(fields, blind)).not.toContain('session coder');
      const stopped = MOSAIC.replace('    runtime: pi\n', '    runtime: pi\n    state: stopped\n');
      expect(evidence(fields, () => {}, stopped)).toBe('');
    }
  });

  test('masked, its session to be replaced: the session is left alone', () => {
    const found = planned(fleet, (o) => {
      set(CODER, { unit_file_state: 'masked', load_state: 'masked' })(o);
      w.paneOf(o, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
    });
    expect(found).toEqual([`blocked(masked) unit/${CODER} unit-masked`, 'blocked(masked) session/coder shell-left']);
  });

  test('no such unit, links left: blocked in layout mosaic', () => {
    const observed = w.healthy(mosaic);
    set(MOSAIC_CODER, { load_state: 'not-found', unit_file_state: '', fragment_path: null })(observed);
    const plan = w.planOf(mosaic, observed);
    expect(w.lines(plan)).toEqual([`blocked(missing) unit/${MOSAIC_CODER} unit-missing`]);
    expect(plan.blocked[0]?.evidence.join()).toContain('links to it are left in default.target');
  });

  test('the user manager not reachable: unobserved, nothing done', () => {
    const found = planned(fleet, (o) => {
      o.sources.units = { status: 'unknown', why: 'foreign-runtime-directory', detail: 'belongs to root' };
      w.dropSession(o, 'coder');
    });
    expect(found).toEqual([
      'unknown(foreign-runtime-directory) unit/fleet-tmux.service',
      `unknown(foreign-runtime-directory) unit/${CODER}`,
      'unknown(foreign-runtime-directory) unit/fleet-agent@stub.service',
      'unknown(foreign-runtime-directory) session/coder',
    ]);
  });

  test('an agent that the observation never looked at: unobserved', () => {
    const found = planned(fleet, (o) => {
      if (o.sources.units.status === 'known') delete o.sources.units.value.units[CODER];
    });
    expect(found).toEqual([`unknown(not-observed) unit/${CODER}`]);
  });
});

describe('units: what they do', () => {
  test('failed: reset and started, once', () => {
    const found = planned(fleet, (o) => {
      set(CODER, { active_state: 'failed', result: 'start-limit-hit' })(o);
      w.dropSession(o, 'coder');
    });
    expect(found).toEqual([`start unit/${CODER} unit-failed`]);
  });

  test('inactive while its session is fine: started', () => {
    expect(planned(fleet, set(CODER, { active_state: 'inactive' }))).toEqual([`start unit/${CODER} unit-inactive`]);
  });

  test('activating or deactivating while its session is fine: deferred', () => {
    expect(planned(fleet, set(CODER, { active_state: 'deactivating' }))).toEqual([
      `deferred(in-transition) start unit/${CODER} unit-in-transition`,
    ]);
  });

  test('changed since it was loaded: one daemon-reload for all of them, before anything else on them', () => {
    const observed = w.healthy(fleet);
    set(CODER, { need_daemon_reload: true, unit_file_state: 'disabled' })(observed);
    set('fleet-agent@stub.service', { need_daemon_reload: true })(observed);
    const plan = w.planOf(fleet, observed);
    expect(w.lines(plan)).toEqual([
      'reload unit-file/fleet-agent@.service daemon-reload-needed',
      `enable unit/${CODER} boot-disabled`,
    ]);
    expect(plan.changes[1]?.depends_on).toEqual(['w-jarvis/jarvis/unit-file/fleet-agent@.service']);
  });

  test('a coupling to the holder in a unit that is not ours: a warning', () => {
    expect(planned(mosaic, set(MOSAIC_CODER, { part_of: ['mosaic-tmux-holder.service'] }))).toEqual([
      'warning unit/mosaic-tmux-holder.service holder-coupled',
    ]);
  });
});

describe('unit files and env files', () => {
  test('a unit file of ours that is not there: written, reloaded, and its instances enabled', () => {
    const observed = w.healthy(fleet);
    w.filesOf(observed).unit_files['fleet-agent@.service'] = { state: 'absent' };
    for (const name of [CODER, 'fleet-agent@stub.service']) {
      set(name, { load_state: 'not-found', unit_file_state: '', active_state: 'inactive', wanted_by: [] })(observed);
    }
    w.dropSession(observed, 'coder');
    const plan = w.planOf(fleet, observed);
    expect(w.lines(plan)).toEqual([
      'create unit-file/fleet-agent@.service unit-missing',
      'reload unit-file/fleet-agent@.service daemon-reload-needed',
      `enable unit/${CODER} boot-disabled`,
      'enable unit/fleet-agent@stub.service boot-disabled',
      'start session/coder session-missing',
      'start unit/fleet-agent@stub.service unit-inactive',
    ]);
  });

  test("the holder's unit file is not there, its server lives: written, reloaded, enabled and started", () => {
    const observed = w.healthy(fleet);
    w.filesOf(observed).unit_files['fleet-tmux.service'] = { state: 'absent' };
    const none = { load_state: 'not-found', unit_file_state: '', active_state: 'inactive', wanted_by: [] };
    set('fleet-tmux.service', none)(observed);
    expect(w.lines(w.planOf(fleet, observed))).toEqual([
      'create unit-file/fleet-tmux.service unit-missing',
      'reload unit-file/fleet-tmux.service daemon-reload-needed',
      'enable unit/fleet-tmux.service boot-disabled',
      'start unit/fleet-tmux.service unit-inactive',
    ]);
  });

  test('a unit file of ours that was edited: written, then reloaded', () => {
    const observed = w.healthy(fleet);
    const file = w.filesOf(observed).unit_files['fleet-agent@.service'];
    if (file?.state === 'present') file.content += '\n[Service]\nNice=5\n';
    const plan = w.planOf(fleet, observed);
    expect(w.lines(plan)).toEqual([
      'update unit-file/fleet-agent@.service unit-file-changed',
      'reload unit-file/fleet-agent@.service daemon-reload-needed',
    ]);
    expect(plan.changes[0]?.evidence).toContain('reads: Nice=5');
  });

  test("another fleet's unit file: blocked as other-owner", () => {
    const found = planned(fleet, (o) => {
      const file = w.filesOf(o).unit_files['fleet-agent@.service'];
      if (file?.state === 'present') file.content = file.content.replace('Owner=mosaic', 'Owner=theirs');
    });
    expect(found).toEqual(['blocked(other-owner) unit-file/fleet-agent@.service other-owner']);
  });

  test('no env file: written', () => {
    expect(
      planned(mosaic, (o) => {
        w.filesOf(o).env_files.stub = { state: 'absent' };
      }),
    ).toContain('create env-file/stub env-file-missing');
  });

  test('own keys of an env file differ: our keys only are in the change', () => {
    const observed = w.healthy(fleet);
    const env = w.filesOf(observed).env_files.coder;
    if (env?.state === 'present') (env.own as Record<string, string>).FLEET_AGENT_CLASS = 'boss';
    const plan = w.planOf(fleet, observed);
    expect(w.lines(plan)).toEqual(['update env-file/coder env-file-changed']);
    expect(plan.changes[0]).toMatchObject({
      before: { FLEET_AGENT_CLASS: 'boss' },
      after: { FLEET_AGENT_CLASS: 'worker' },
      patch: [
        { op: 'test', path: '/FLEET_AGENT_CLASS', value: 'boss' },
        { op: 'replace', path: '/FLEET_AGENT_CLASS', value: 'worker' },
      ],
    });
  });

  test('an env file that cannot be read: unobserved', () => {
    expect(
      planned(fleet, (o) => {
        w.filesOf(o).env_files.coder = { state: 'unknown', why: 'denied', detail: 'EACCES' };
      }),
    ).toContain('unknown(denied) env-file/coder');
  });

  test('the launcher and what it reads are kept', () => {
    expect(
      planned(fleet, (o) => {
        w.filesOf(o).launcher = { state: 'absent' };
        w.filesOf(o).argv_files.stub = { state: 'absent' };
      }),
    ).toEqual(['create env-file/fleet.launch env-file-missing', 'create env-file/stub.argv env-file-missing']);
  });

  test("another fleet's agent of the same name: blocked as other-owner", () => {
    expect(
      planned(fleet, (o) => {
        w.filesOf(o).argv_files.stub = w.fileWith('# fleet: owner=theirs\n');
      }),
    ).toEqual(['blocked(other-owner) env-file/stub other-owner']);
  });
});

describe('a unit file that was deleted while its unit is loaded', () => {
  const deleted = { unit_file_state: '', need_daemon_reload: true };

  test('layout fleet: written and loaded again, nothing is blocked', () => {
    const break_: Break = (o) => {
      set(CODER, deleted)(o);
      w.filesOf(o).unit_files['fleet-agent@.service'] = { state: 'absent' };
    };
    expect(planned(fleet, break_)).toEqual([
      'create unit-file/fleet-agent@.service unit-missing',
      'reload unit-file/fleet-agent@.service daemon-reload-needed',
      `enable unit/${CODER} boot-disabled`,
    ]);
  });

  test('layout mosaic: blocked as missing', () => {
    expect(planned(mosaic, set(MOSAIC_CODER, deleted))).toContain(`blocked(missing) unit/${MOSAIC_CODER} unit-missing`);
  });
});

describe('linger', () => {
  const off: Break = (o) => {
    o.sources.linger = { status: 'known', value: { user: 'jarvis', enabled: false } };
  };

  test('off, with agents that come up at boot: enabled', () => {
    expect(planned(fleet, off)).toEqual(['enable linger/jarvis linger-disabled']);
  });

  test('off, with no agent that comes up at boot: no drift', () => {
    const r = w.roster(FLEET.replace('agents:', 'defaults: { boot: false }\nagents:'));
    expect(planned(r, off)).toEqual([]);
  });

  test('off, the user manager not there: only that is planned, then planned anew', () => {
    const observed = w.healthy(fleet);
    off(observed);
    observed.sources.units = { status: 'unknown', why: 'no-runtime-directory', detail: 'no /run/user/1000' };
    observed.sources.tmux = {
      status: 'known',
      value: { version: null, servers: [], elsewhere: [], unseen_servers: null, server_processes: [] },
    };
    const plan = w.planOf(fleet, observed);
    expect(plan.changes.map((c) => c.address)).toEqual(['w-jarvis/jarvis/linger/jarvis']);
    expect(plan.changes[0]?.replan).toBe(true);
  });

  test('off, the user manager and its files not there: the files are written, and nobody is asked to reload', () => {
    const observed = w.healthy(fleet);
    off(observed);
    observed.sources.units = { status: 'unknown', why: 'no-runtime-directory', detail: 'no /run/user/1000' };
    for (const name of Object.keys(w.filesOf(observed).unit_files)) {
      w.filesOf(observed).unit_files[name] = { state: 'absent' };
    }
    const planned = w.planOf(fleet, observed).changes.map(({ action, kind }) => `${action} ${kind}`);
    expect(planned).toEqual(['create unit-file', 'create unit-file', 'enable linger']);
  });

  test('not readable: unobserved', () => {
    expect(
      planned(fleet, (o) => {
        o.sources.linger = { status: 'unknown', why: 'io', detail: 'EIO' };
      }),
    ).toEqual(['unknown(io) linger/jarvis']);
  });
});
