import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CommandsRequest, findCommands } from '../../src/observe/commands.ts';
import { type FilesRequest, observeFiles } from '../../src/observe/files.ts';
import { observeLinger } from '../../src/observe/linger.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import type { AgentSpec } from '../../src/spec/model.ts';
import { makeAgent } from '../spec/make-agent.ts';
import { atOnce } from './at-once.ts';

const uid = process.getuid?.() ?? 0;
let home: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'fleet-files-')));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

function write(path: string, content: string, mode = 0o600): string {
  const full = join(home, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
  chmodSync(full, mode);
  return full;
}

const read = (request: Partial<FilesRequest> = {}) =>
  atOnce(
    observeFiles({
      layout: layoutOf('mosaic'),
      agents: [makeAgent({ name: 'coder' })],
      others: [],
      user: { name: 'jarvis', uid, home },
      ...request,
    }),
  );

const ENV = '.config/mosaic/fleet/agents';
const UNITS = '.config/systemd/user';

describe('argv files', () => {
  it("of layout mosaic lie where fleet's launcher reads them, not beside the env files", () => {
    write('.config/fleet/agents/coder.argv', 'set -- pi');
    write(`${ENV}/coder.env`, 'MOSAIC_AGENT_NAME=coder');
    expect(read().observed.argv_files).toMatchObject({ coder: { state: 'present', content: 'set -- pi' } });
  });

  it('are told with an empty roster too: what is left of the last agent can be pruned', () => {
    write('.config/fleet/agents/last.argv', 'set -- pi');
    expect(read({ layout: layoutOf('fleet'), agents: [] }).observed.argv_files).toHaveProperty('last.state', 'present');
  });
});

describe('env files', () => {
  it('of the roster are there or absent; others in the directory are told too', () => {
    write(`${ENV}/coder.env`, '# mine\nMOSAIC_AGENT_NAME=coder\nTOKEN=secret\nMOSAIC_AGENT_CLASS="a b"\n', 0o640);
    write(`${ENV}/old.env`, 'MOSAIC_AGENT_NAME=old\n');
    write(`${ENV}/notes.txt`, 'x');
    write(`${ENV}/.env`, 'x');
    const agents = ['coder', 'new'].map((name) => makeAgent({ name }));
    const { observed, envValues } = read({ agents });
    expect(observed.env_files).toMatchObject({
      coder: {
        state: 'present',
        keys: ['MOSAIC_AGENT_NAME', 'TOKEN', 'MOSAIC_AGENT_CLASS'],
        own: { MOSAIC_AGENT_NAME: 'coder', MOSAIC_AGENT_CLASS: 'a b' },
        mode: 0o640,
        sha256: execFileSync('sha256sum', [join(home, ENV, 'coder.env')], { encoding: 'utf8' }).slice(0, 64),
      },
      new: { state: 'absent' },
      old: { state: 'present' },
    });
    expect(Object.keys(observed.env_files).sort()).toEqual(['coder', 'new', 'old']);
    expect(JSON.stringify(observed)).not.toContain('secret');
    expect(envValues.get('coder')?.['TOKEN']).toBe('secret');
  });

  it('are absent where the directory is, and unknown where it cannot be read', () => {
    expect(read().observed.env_files).toEqual({ coder: { state: 'absent' } });
    write('.config/mosaic/fleet/agents', 'a file');
    expect(read().observed.env_files['coder']).toMatchObject({ state: 'unknown', why: 'not-regular' });
  });

  it('that are no regular files are unknown', () => {
    mkdirSync(join(home, ENV), { recursive: true });
    execFileSync('mkfifo', [join(home, ENV, 'coder.env')]);
    expect(read().observed.env_files['coder']).toMatchObject({ state: 'unknown', why: 'not-regular' });
  });

  it('of agents out of scope are not looked at', () => {
    write(`${ENV}/other.env`, 'X=1\n');
    expect(read({ others: ['other'] }).observed.env_files).toMatchObject({
      coder: { state: 'absent' },
      other: { state: 'unknown', why: 'not-observed' },
    });
  });

  it('keep a key that every object has apart', () => {
    write(`${ENV}/coder.env`, '__proto__=1\nconstructor=2\n');
    expect(read().observed.env_files['coder']).toMatchObject({ keys: ['__proto__', 'constructor'], own: {} });
  });
});

describe('unit files', () => {
  it('are those with a name of the layout', () => {
    write(`${UNITS}/mosaic-tmux-holder.service`, '[Service]\n', 0o644);
    write(`${UNITS}/mosaic-agent@odd.service`, 'odd');
    write(`${UNITS}/other.service`, 'x');
    const files = read().observed.unit_files;
    expect(files).toMatchObject({
      'mosaic-tmux-holder.service': { state: 'present', content: '[Service]\n', mode: 0o644, link_target: null },
      'mosaic-agent@.service': { state: 'absent' },
      'mosaic-agent@odd.service': { state: 'present', content: 'odd' },
    });
    expect(Object.keys(files)).toHaveLength(3);
  });

  it('may be links: a mask, one to nowhere, one to a file, of which systemd reads what they lead to', () => {
    const real = write('dotfiles/unit', 'linked');
    mkdirSync(join(home, UNITS), { recursive: true });
    symlinkSync('/dev/null', join(home, UNITS, 'mosaic-agent@a.service'));
    symlinkSync('/nowhere', join(home, UNITS, 'mosaic-agent@b.service'));
    symlinkSync(real, join(home, UNITS, 'mosaic-agent@c.service'));
    expect(read().observed.unit_files).toMatchObject({
      'mosaic-agent@a.service': { state: 'present', content: '', link_target: '/dev/null' },
      'mosaic-agent@b.service': { state: 'present', content: '', link_target: '/nowhere' },
      'mosaic-agent@c.service': { state: 'present', content: 'linked', link_target: real },
    });
  });

  it('are found where their directory is a link', () => {
    write('dotfiles/mosaic-agent@.service', 'linked');
    mkdirSync(join(home, dirname(UNITS)), { recursive: true });
    symlinkSync(join(home, 'dotfiles'), join(home, UNITS));
    expect(read().observed.unit_files['mosaic-agent@.service']).toMatchObject({ content: 'linked', link_target: null });
  });

  it('are all unknown, the agents own too, where the directory cannot be read', () => {
    write(UNITS, 'a file');
    const files = read().observed.unit_files;
    for (const name of ['mosaic-tmux-holder.service', 'mosaic-agent@.service', 'mosaic-agent@coder.service']) {
      expect(files[name], name).toMatchObject({ state: 'unknown' });
    }
  });
});

describe('files of layout fleet', () => {
  it('are the argv files and the launcher too', () => {
    write('.config/fleet/agents/coder.argv', 'set -- pi\n');
    write('.config/fleet/agents/old.argv', 'x');
    write('.local/share/fleet/launch', '#!/bin/sh\n', 0o755);
    const { observed } = read({ layout: layoutOf('fleet') });
    expect(observed.argv_files).toMatchObject({ coder: { content: 'set -- pi\n', mode: 0o600 }, old: {} });
    expect(observed.launcher).toMatchObject({ state: 'present', mode: 0o755 });
    expect(read().observed.launcher).toMatchObject({ state: 'present' });
  });
});

describe('directories that the roster names', () => {
  it('are found, missing, or no directories', () => {
    mkdirSync(join(home, 'src'));
    symlinkSync(join(home, 'src'), join(home, 'link'));
    write('file', '');
    const agents = ['~/src', '~/link', '~/none', '~/file', '~'].map((workingDirectory, i) =>
      makeAgent({ name: `a${i}`, workingDirectory }),
    );
    expect(read({ agents }).observed.directories).toMatchObject({
      '~/src': { state: 'found', real: join(home, 'src') },
      '~/link': { state: 'found', real: join(home, 'src') },
      '~/none': { state: 'missing', detail: `there is no ${join(home, 'none')}` },
      '~/file': { state: 'missing', detail: `${join(home, 'file')} is no directory` },
      '~': { state: 'found', real: home },
    });
  });
});

describe('commands that the roster gives', () => {
  const find = (agent: Partial<AgentSpec>, request: Partial<CommandsRequest> = {}) =>
    findCommands({
      agents: [makeAgent({ name: 'coder', ...agent })],
      home,
      envValues: new Map(),
      pathOn: () => '/usr/bin:/bin',
      ...request,
    })['coder'];

  it('are looked for where the launcher will', () => {
    const npm = write('.npm-global/bin/pi', '', 0o755);
    expect(find({ argv: ['pi'] })).toEqual({ state: 'found', real: npm });
    expect(find({ argv: ['sh', '-c', 'x'] })).toMatchObject({ state: 'found' });
    const local = write('.local/bin/sh', '', 0o755);
    expect(find({ argv: ['sh'] })).toEqual({ state: 'found', real: local });
    expect(find({ argv: ['no-such-program'] })).toMatchObject({ state: 'missing' });
  });

  it('are looked at themselves where they are paths, from the working directory where relative', () => {
    const program = write('src/run', '', 0o755);
    expect(find({ argv: ['~/src/run'] })).toEqual({ state: 'found', real: program });
    expect(find({ argv: [program] })).toEqual({ state: 'found', real: program });
    expect(find({ argv: ['./run'], workingDirectory: '~/src' })).toEqual({ state: 'found', real: program });
    expect(find({ argv: ['./run'], workingDirectory: '~' })).toMatchObject({ state: 'missing' });
  });

  it('must be files that may be executed', () => {
    write('bin/plain', '', 0o644);
    mkdirSync(join(home, 'bin/directory'));
    expect(find({ argv: ['~/bin/plain'] })).toMatchObject({ state: 'missing' });
    expect(find({ argv: ['~/bin/directory'] })).toMatchObject({ state: 'missing' });
  });

  it('are not looked for where the launcher decides', () => {
    expect(find({ argv: null })).toBeUndefined();
  });

  it('are looked for on the PATH of the roster, of the env file, of the server, in this order', () => {
    const mine = write('mine/agent-x', '', 0o755);
    const theirs = write('theirs/agent-x', '', 0o755);
    const pathOn = (socket: string) => (socket === 'main' ? join(home, 'theirs') : undefined);
    const argv = ['agent-x'];
    expect(find({ argv }, { pathOn })).toMatchObject({ state: 'missing' });
    expect(find({ argv, socket: 'main' }, { pathOn })).toEqual({ state: 'found', real: theirs });
    const envValues = new Map([['coder', { PATH: join(home, 'mine') }]]);
    expect(find({ argv, socket: 'main' }, { pathOn, envValues })).toEqual({ state: 'found', real: mine });
    const env = { PATH: { kind: 'plain', value: '/nowhere' } } as const;
    expect(find({ argv, socket: 'main', env }, { pathOn, envValues })).toMatchObject({ state: 'missing' });
  });
});

describe('linger', () => {
  it('is a file of the name of the user', () => {
    write('linger/jarvis', '');
    expect(observeLinger('jarvis', join(home, 'linger'))).toEqual({
      status: 'known',
      value: { user: 'jarvis', enabled: true },
    });
    expect(observeLinger('other', join(home, 'linger'))).toMatchObject({ value: { enabled: false } });
    expect(observeLinger('jarvis', join(home, 'none'))).toMatchObject({ value: { enabled: false } });
  });

  it.runIf(uid !== 0)('is unknown where the directory cannot be searched (root may search everything)', () => {
    mkdirSync(join(home, 'closed'), { mode: 0o000 });
    expect(observeLinger('jarvis', join(home, 'closed'))).toMatchObject({ status: 'unknown', why: 'denied' });
  });
});
