/** What tmux may answer besides what was asked: each is told apart, none is an absence. */
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunProgram, RunResult } from '../../src/observe/run.ts';
import { readAnswer } from '../../src/observe/tmux/client.ts';
import { type PrivateTmux, privateTmux } from './private-tmux.ts';
import { fakeTmux, serverOf, watched } from './tmux-ports.ts';

const PATH = '/tmp/tmux-1000/main';
const ended = (code: number | null, stdout: string, stderr: string): RunResult => ({
  kind: 'exited',
  code,
  signal: code === null ? 'SIGSEGV' : null,
  stdout,
  stderr,
});
const answer = (result: RunResult) => {
  const read = readAnswer(result, PATH, (stdout) => stdout === 'whole');
  return read.kind === 'unknown' ? read.unknown.why : read.kind;
};

describe('an answer of tmux', () => {
  it.each<[string, RunResult, string]>([
    ['no socket', ended(1, '', `error connecting to ${PATH} (No such file or directory)\n`), 'said-absent'],
    ['no server', ended(1, '', `no server running on ${PATH}\n`), 'said-absent'],
    ['no server, after a warning', ended(1, '', `warning: x\nno server running on ${PATH}\n`), 'said-absent'],
    ['no server, but of another path', ended(1, '', 'no server running on /tmp/tmux-1000/mai\n'), 'garbage'],
    ['no server, but exit 0', ended(0, '', `no server running on ${PATH}\n`), 'denied'],
    ['no server, but another exit code', ended(2, '', `no server running on ${PATH}\n`), 'garbage'],
    ['no server, but on stdout', ended(1, `no server running on ${PATH}\n`, ''), 'garbage'],
    ['permission', ended(1, '', `error connecting to ${PATH} (Permission denied)\n`), 'denied'],
    ['another error of connecting', ended(1, '', `error connecting to ${PATH} (Too many open files)\n`), 'garbage'],
    ['access not allowed, exit 0', ended(0, '', 'access not allowed\n'), 'denied'],
    ['nothing at all, exit 0', ended(0, '', ''), 'denied'],
    ['protocol', ended(1, '', 'protocol version mismatch (client 8, server 7)\n'), 'protocol'],
    ['the server went away', ended(1, '', 'server exited unexpectedly\n'), 'ended'],
    ['the server was lost', ended(1, '', 'lost server\n'), 'ended'],
    ['half an answer', ended(0, 'who', ''), 'garbage'],
    ['an answer in spite of an error', ended(1, 'whole', "can't find pane: %9\n"), 'answer'],
    ['a crash', ended(null, '', ''), 'garbage'],
    ['no such program', { kind: 'failed', why: 'not-installed', detail: 'x' }, 'not-installed'],
    ['too late', { kind: 'failed', why: 'timeout', detail: 'x' }, 'timeout'],
  ])('%s', (_, result, kind) => {
    expect(answer(result)).toBe(kind);
  });
});

describe('a tmux that does not do as tmux does', () => {
  let own: PrivateTmux;
  let server: Server;
  beforeEach(async () => {
    own = privateTmux();
    mkdirSync(own.directory, { mode: 0o700 });
    // A socket that is there, so that tmux is asked.
    server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(join(own.directory, 'main'), resolve));
  });
  afterEach(() => {
    server.close();
    own.end();
  });

  it.each([
    ['hangs', 'exec sleep 600', 'timeout'],
    ['hangs in a child that holds its output', 'sleep 600', 'timeout'],
    ['answers nonsense', 'echo nonsense; exit 0', 'garbage'],
    ['answers what it was asked', 'exec cat', 'garbage'],
    ['breaks off', 'head -c 40', 'garbage'],
    ['denies with exit 0', 'exit 0', 'denied'],
    ['says nothing and fails', 'exit 1', 'garbage'],
    ['speaks another language', 'echo "Kein Server auf $2" >&2; exit 1', 'garbage'],
    ['speaks another protocol', 'echo "protocol version mismatch (client 8, server 7)" >&2; exit 1', 'protocol'],
    ['floods', 'exec yes', 'too-large'],
  ])('is unknown when it %s', async (_, body, why) => {
    const fake = fakeTmux(body);
    try {
      const run: RunProgram = (program, args, options) =>
        fake.run(program, args, { ...options, maxOutputBytes: 100_000 });
      const seen = await serverOf({ base: own.base, run, deadlineMs: 500 });
      expect(seen.server).toMatchObject({ state: 'unknown', why });
    } finally {
      fake.end();
    }
  });

  it('is asked once more when the server went away, and not for ever', async () => {
    const fake = fakeTmux('echo "server exited unexpectedly" >&2; exit 1');
    try {
      const { run, ran } = watched(fake.run);
      expect((await serverOf({ base: own.base, run })).server).toMatchObject({ state: 'unknown', why: 'io' });
      expect(ran).toHaveLength(2);
    } finally {
      fake.end();
    }
  });

  it('is unknown when it says that nobody is there and somebody is', async () => {
    const fake = fakeTmux(`echo "no server running on ${join(own.directory, 'main')}" >&2; exit 1`);
    try {
      const seen = await serverOf({ base: own.base, run: fake.run });
      expect(seen.server).toMatchObject({ state: 'unknown', why: 'socket-deleted' });
    } finally {
      fake.end();
    }
  });

  it('is unknown when the answering process is none of this host', async () => {
    // The answer of a real server with another pid, as one in another PID namespace would give.
    const fake = fakeTmux(
      `sed -n "s/^list-panes.*//; s/^show-options.*//; s/^display-message -p '\\(.*\\)'$/\\1/p" |` +
        ` sed 's/#{pid}/4194304/; s/#{start_time}/1/; s/#{version}/3.3a/'`,
    );
    try {
      const seen = await serverOf({ base: own.base, run: fake.run });
      expect(seen.server).toMatchObject({ state: 'unknown', why: 'garbage' });
      expect(seen.server.state === 'unknown' && seen.server.detail).toContain('4194304');
    } finally {
      fake.end();
    }
  });

  it('is told in full in a C locale', async () => {
    start(own, 'ünï');
    const run: RunProgram = (program, args, options) =>
      watched().run(program, args, { ...options, env: { ...options.env, LC_ALL: 'C', LANG: 'C' } });
    const seen = await serverOf({ base: own.base, socket: 'real', run });
    expect(seen.server).toMatchObject({ state: 'running', sessions: [{ name: 'ünï' }] });
  });
});

function start(own: PrivateTmux, name: string): void {
  own.tmux('real', 'new-session', '-d', '-s', name, 'sleep 600');
}
