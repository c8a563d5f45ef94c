import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ApplyResult, Outcome } from '../../src/reconcile/outcome.ts';
import { processControl } from '../../src/reconcile/process-control.ts';
import { RealHost, tmuxLacking } from './real-host.ts';

let host: RealHost | null = null;
beforeEach(({ skip }) => {
  const lacking = tmuxLacking();
  if (lacking !== null) skip(lacking);
});
afterEach(() => {
  host?.close();
  host = null;
});

async function up(agents: string): Promise<RealHost> {
  host = new RealHost(agents);
  expect(failures(await host.apply(await host.plan()))).toEqual([]);
  return host;
}

const failures = (result: ApplyResult): readonly Outcome[] => result.outcomes.filter((o) => o.outcome !== 'applied');
const told = (result: ApplyResult) =>
  result.outcomes.map((o) => `${o.address.slice('here/me/'.length)} ${o.outcome === 'skipped' ? o.why : o.outcome}`);

/** Another program in the agent's pane, in the same session: what plan calls the wrong runtime. */
function replaceProgram(h: RealHost, session: string, script: string): void {
  h.tmux('respawn-pane', '-k', '-t', `=${session}:`, '-c', join(h.home, 'src'), '/bin/sh', join(h.home, script));
}

async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await done()); ) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('on a real tmux', () => {
  test('from nothing to a fleet that plans nothing; a second apply has no effect', async () => {
    const h = await up('  - { name: web }\n  - { name: web-prod }');
    expect(h.sessions()).toEqual(['_holder', 'web', 'web-prod']);
    const pids = ['web', 'web-prod'].map((n) => h.panePid(n));
    const plan = await h.plan();
    expect(plan.changes.map((c) => `${c.action} ${c.address} ${c.reason}`)).toEqual([]);
    await h.apply(plan);
    expect(['web', 'web-prod'].map((n) => h.panePid(n))).toEqual(pids);
  });

  test('the session that is ended is the one of exactly that name', async () => {
    const h = await up('  - { name: web }\n  - { name: web-prod }');
    const prod = h.panePid('web-prod');
    replaceProgram(h, 'web', 'other');
    const plan = await h.plan({ evenIfBusy: true });
    expect(plan.changes.map((c) => `${c.address} ${c.reason}`)).toEqual(['here/me/session/web runtime-mismatch']);
    // Gone before the kill: `web` then is a prefix of another session's name.
    h.meanwhile = (words) => {
      if (!words.includes('if-shell')) return;
      h.meanwhile = () => {};
      h.tmux('kill-session', '-t', '=web');
    };
    expect(told(await h.apply(plan))).toEqual(['session/web stale']);
    expect(h.panePid('web-prod')).toBe(prod);
    expect(failures(await h.apply(await h.plan()))).toEqual([]);
    expect(h.sessions()).toEqual(['_holder', 'web', 'web-prod']);
  });

  test('a session made again between plan and apply is another one: stale, left alone', async () => {
    const h = await up('  - { name: web }');
    replaceProgram(h, 'web', 'other');
    const plan = await h.plan({ evenIfBusy: true });
    h.tmux('kill-session', '-t', '=web');
    h.tmux('new-session', '-d', '-s', 'web', 'sleep', '1000');
    const pid = h.panePid('web');
    expect(told(await h.apply(plan))).toEqual(['session/web stale']);
    expect(h.panePid('web')).toBe(pid);
  });

  test('a session made again between the last look and the kill is left alone', async () => {
    const h = await up('  - { name: web }');
    replaceProgram(h, 'web', 'other');
    const plan = await h.plan({ evenIfBusy: true });
    h.meanwhile = (words) => {
      if (!words.includes('if-shell')) return;
      h.meanwhile = () => {};
      h.tmux('kill-session', '-t', '=web');
      h.tmux('new-session', '-d', '-s', 'web', 'sleep', '1000');
    };
    expect(told(await h.apply(plan))).toEqual(['session/web stale']);
    expect(h.sessions()).toContain('web');
  });

  test('somebody who attaches between the last look and the kill is not thrown out', async () => {
    const h = await up('  - { name: web }');
    replaceProgram(h, 'web', 'other');
    const plan = await h.plan({ evenIfBusy: true });
    const pid = h.panePid('web');
    const attach = `tmux -L fleet-test-reconcile attach -t =web`;
    const env = { ...process.env, TMUX_TMPDIR: join(h.base, 'tmux'), TERM: 'xterm', TMUX: '' };
    // Waits on its standard input: the client stays attached until it is closed.
    const client = spawn('script', ['-qec', attach, '/dev/null'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
    try {
      await until('the client is attached', () => h.tmux('list-clients').includes('web'));
      expect(told(await h.apply(plan))).toEqual(['session/web deferred-attached']);
      expect(h.panePid('web')).toBe(pid);
    } finally {
      client.kill('SIGKILL');
    }
    await until('the client is gone', () => h.tmux('list-clients') === '');
    expect(failures(await h.apply(plan))).toEqual([]);
  });

  test('a program that ignores HUP and TERM is ended, and another of its kind is not', async () => {
    const h = await up('  - { name: web }\n  - { name: other, runtime: deaf }');
    replaceProgram(h, 'web', 'deaf');
    const pid = h.panePid('web');
    const other = h.panePid('other');
    const alive = processControl();
    // Its trap is set a moment after its start.
    await until('it is deaf', async () => (await h.plan({ evenIfBusy: true })).changes.length === 1);
    const result = await h.apply(await h.plan({ evenIfBusy: true }));
    expect(failures(result)).toEqual([]);
    expect(result.outcomes[0]).toMatchObject({
      evidence: [expect.stringContaining('ended by SIGKILL'), expect.anything()],
    });
    expect(alive.startTime(pid)).toBeNull();
    expect(h.panePid('other')).toBe(other);
    expect(alive.startTime(other)).not.toBeNull();
  });

  test("a person's and a protected agent's windows, linked into the session that is ended, live on in their own", async () => {
    const h = await up('  - { name: web }\n  - { name: kept, protect: true }');
    h.tmux('new-session', '-d', '-s', 'mywork', 'sleep', '1000');
    h.tmux('link-window', '-d', '-s', '=mywork:0', '-t', '=web:5');
    h.tmux('link-window', '-d', '-s', '=kept:0', '-t', '=web:6');
    const others = () => ['mywork', 'kept'].map((name) => h.panePid(name));
    const before = others();
    replaceProgram(h, 'web', 'other');
    const left = await h.plan({ evenIfBusy: true });
    expect(left.deferred.map((d) => [d.why, d.evidence.at(-1), d.remedy?.replace(/, or: .*/, '')])).toEqual([
      [
        'other-panes',
        '2 other pane(s) of the session are alive; 2 shown by kept, mywork too, and only unlinked with its end',
        'take the windows of kept, mywork out of the session',
      ],
    ]);
    const plan = await h.plan({ evenIfBusy: true, evenIfAttached: true });
    const pid = h.panePid('web');
    expect(failures(await h.apply(plan))).toEqual([]);
    expect(h.sessions()).toEqual(['_holder', 'kept', 'mywork', 'web']);
    expect(others()).toEqual(before);
    const alive = processControl();
    expect([pid, ...before].map((p) => alive.startTime(p) === null)).toEqual([true, false, false]);
  });

  test('an agent whose window a group shows too is ended with its session, and what else the group shows is not', async () => {
    const h = await up('  - { name: web }');
    h.tmux('new-session', '-d', '-t', '=web', '-s', 'view');
    h.tmux('new-window', '-d', '-t', '=view:', 'sleep', '1000');
    replaceProgram(h, 'web', 'other');
    const pids = h.tmux('list-panes', '-s', '-t', '=view:', '-F', '#{pane_pid}').split('\n').map(Number);
    expect(failures(await h.apply(await h.plan({ evenIfBusy: true, evenIfAttached: true })))).toEqual([]);
    expect(h.sessions()).toEqual(['_holder', 'view', 'web']);
    const alive = processControl();
    expect(pids.map((pid) => alive.startTime(pid) === null)).toEqual([true, false]);
  });

  test('an agent that ends at once: failed, with its exit status and last words', async () => {
    host = new RealHost('  - { name: web, runtime: dies }\n  - { name: fine }');
    const result = await host.apply(await host.plan());
    const bad = result.outcomes.find((o) => o.outcome === 'failed');
    expect(bad).toMatchObject({ agent: 'web', failure: { code: 'agent-ended', evidence: ['exit status 3', 'boom'] } });
    expect(result.outcomes.find((o) => o.address.endsWith('session/fine'))?.outcome).toBe('applied');
  });

  test('the socket file and its directory deleted under a live server: the same server answers again', async () => {
    const h = await up('  - { name: web }');
    const pid = h.panePid('web');
    const { rmSync } = await import('node:fs');
    rmSync(join(h.base, 'tmux', `tmux-${process.getuid?.()}`), { recursive: true });
    const plan = await h.plan();
    expect(plan.changes.map((c) => c.reason)).toEqual(['socket-deleted']);
    const result = await h.apply(plan);
    expect(failures(result)).toEqual([]);
    expect(result.summary.replan_needed).toBe(true);
    expect(h.panePid('web')).toBe(pid);
    expect((await h.plan()).changes).toEqual([]);
  });

  test('the holder session killed: made again beside the living agent', async () => {
    const h = await up('  - { name: web }');
    const pid = h.panePid('web');
    h.tmux('kill-session', '-t', '=_holder');
    expect(failures(await h.apply(await h.plan()))).toEqual([]);
    expect(h.sessions()).toEqual(['_holder', 'web']);
    expect(h.panePid('web')).toBe(pid);
  });
});
