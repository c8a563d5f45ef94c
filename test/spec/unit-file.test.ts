import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { expandHome } from '../../src/spec/home.ts';
import { LAUNCHER_PATH } from '../../src/spec/launcher.ts';
import { renderUnitFiles, unitFileOwner } from '../../src/spec/unit-file.ts';
import { makeAgent, makeRoster } from './make-agent.ts';

const roster = makeRoster({ fleet: 'mosaic', tmux: { socketName: 'main', holderSession: '_holder' } });

describe('unit files', () => {
  test('are those of the layout, the agent only wanting the holder', () => {
    const agents = [makeAgent({ socket: 'main' }), makeAgent({ socket: null }), makeAgent({ socket: 'other' })];
    const files = renderUnitFiles(roster, agents, '/home/j');
    expect(Object.keys(files)).toEqual(['fleet-tmux.service', 'fleet-agent@.service']);
    expect(
      files['fleet-tmux.service'],
    ).toBe(`# Written by fleet: do not edit, it is written again. Changes of your own go to a drop-in.
[Unit]
Description=tmux server of the fleet mosaic
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=process
ExecStart=/bin/sh /home/j/.local/share/fleet/launch holder mosaic _holder main default other
TimeoutStartSec=90
TimeoutStopSec=90

[Install]
WantedBy=default.target

[X-Fleet]
Owner=mosaic
`);
    expect(
      files['fleet-agent@.service'],
    ).toBe(`# Written by fleet: do not edit, it is written again. Changes of your own go to a drop-in.
[Unit]
Description=Agent of the fleet mosaic: %i
Wants=fleet-tmux.service
After=fleet-tmux.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=process
ExecStart=/bin/sh /home/j/.local/share/fleet/launch start %i
ExecStop=/bin/sh /home/j/.local/share/fleet/launch stop %i
TimeoutStartSec=90
TimeoutStopSec=90

[Install]
WantedBy=default.target

[X-Fleet]
Owner=mosaic
`);
  });

  test('there are none where the layout or the supervisor has none', () => {
    expect(renderUnitFiles({ ...roster, supervisor: 'none' }, [], '/home/j')).toEqual({});
    expect(renderUnitFiles({ ...roster, layout: 'mosaic' }, [], '/home/j')).toEqual({});
  });

  test('escape what systemd would read more into', () => {
    const files = renderUnitFiles(
      { ...roster, tmux: { socketName: ';', holderSession: 'a"b\\c' } },
      [],
      "/home/%h $X/it's",
    );
    expect(files['fleet-tmux.service']).toContain(
      `ExecStart=/bin/sh "/home/%%h $$X/it's/.local/share/fleet/launch" holder mosaic "a\\"b\\\\c" ";"\n`,
    );
  });

  test('are taken by systemd without a word', (context) => {
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) context.skip('needs systemd-analyze');
    const directory = mkdtempSync(join(tmpdir(), 'fleet-units-'));
    try {
      for (const home of [join(directory, 'plain'), join(directory, '%h $X "q" \\ ;')]) {
        const launcher = expandHome(LAUNCHER_PATH, home);
        mkdirSync(dirname(launcher), { recursive: true });
        writeFileSync(launcher, '#!/bin/sh\n', { mode: 0o755 });
        const files = renderUnitFiles(roster, [], home);
        for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
        const units = ['fleet-tmux.service', 'fleet-agent@x-1.service'].map((name) => join(directory, name));
        const verified = spawnSync('systemd-analyze', ['verify', '--user', '--man=no', ...units], {
          encoding: 'utf8',
          env: { ...process.env, HOME: directory, XDG_RUNTIME_DIR: directory },
        });
        expect({ home, status: verified.status, stderr: verified.stderr }).toEqual({ home, status: 0, stderr: '' });
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

test.each([
  ['[X-Fleet]\nOwner=a\n', 'a'],
  ['[Unit]\nOwner=b\n\n[X-Fleet]\r\n Owner = a \r\n', 'a'],
  ['[X-Fleet]\n# Owner=b\n[Unit]\nOwner=b\n', null],
  ['[X-Fleet]\nOwner=\n', null],
  ['', null],
])('the owner of %j', (content, owner) => {
  expect(unitFileOwner(content)).toBe(owner);
});
