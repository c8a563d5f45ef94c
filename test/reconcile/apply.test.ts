import { describe, expect, test } from 'vitest';
import { type ApplyResult, failure } from '../../src/reconcile/outcome.ts';
import * as seen from '../diff/world.ts';
import { told } from './records.ts';
import { CHAIN, FLEET, MOSAIC, NO_SUPERVISOR } from './rosters.ts';
import { type Fate, World } from './world.ts';

function failureOf(result: ApplyResult) {
  const failed = result.outcomes.find((o) => o.outcome === 'failed');
  if (failed?.outcome !== 'failed') throw new Error(`nothing failed: ${told(result).join(', ')}`);
  return failed.failure;
}

const wrongRuntime = (w: World, name = 'coder') =>
  w.runs(name, {
    verdict: 'runtime',
    runtime: 'pi',
    strength: 'strong',
    pid: w.session(name).panes[0]?.pid ?? 0,
    evidence: 'exe',
  });

describe('a change is looked at again just before it is made', () => {
  test('attached since: deferred, and the session is left alone', async () => {
    const world = new World(FLEET);
    wrongRuntime(world);
    const plan = world.plan();
    world.session('coder').attached = 1;
    const { id } = world.session('coder');
    expect(told(await world.apply({ plan }))).toEqual(['skipped restart session/coder deferred-attached']);
    expect(world.session('coder').id).toBe(id);
  });

  test('attached between the last look and the kill: tmux itself refuses', async () => {
    const world = new World(FLEET);
    wrongRuntime(world);
    const { id } = world.session('coder');
    world.meanwhile = (step) => {
      if (step.includes('if-shell')) world.session('coder').attached = 1;
    };
    expect(told(await world.apply())).toEqual(['skipped restart session/coder deferred-attached']);
    expect(world.session('coder').id).toBe(id);
  });

  test('attached, and that is allowed: restarted', async () => {
    const world = new World(FLEET);
    wrongRuntime(world);
    world.session('coder').attached = 1;
    const plan = world.plan({ policy: { evenIfAttached: true } });
    expect(told(await world.apply({ plan }))).toEqual(['applied restart session/coder']);
  });

  test('somebody works in a second pane by now: deferred', async () => {
    const world = new World(FLEET);
    wrongRuntime(world);
    const plan = world.plan();
    const { panes } = world.session('coder');
    panes.push({
      ...seen.paneOf(world.truth, 'coder'),
      id: '%9999',
      runs: { verdict: 'shell', pid: 1, program: 'bash' },
    });
    expect(told(await world.apply({ plan }))).toEqual(['skipped restart session/coder deferred-attached']);
  });

  test('another process in the same pane by now: stale', async () => {
    const world = new World(FLEET);
    wrongRuntime(world);
    const plan = world.plan();
    seen.paneOf(world.truth, 'coder').pid = 77;
    expect(told(await world.apply({ plan }))).toEqual(['skipped restart session/coder stale']);
  });

  test('busy since: deferred', async () => {
    const world = new World(FLEET);
    wrongRuntime(world);
    const plan = world.plan();
    seen.heartbeatsOf(world.truth, 'coder').beat = seen.beat(null, 0, 'busy');
    expect(told(await world.apply({ plan }))).toEqual(['skipped restart session/coder deferred-busy']);
  });

  test('made again by somebody, and right: already satisfied', async () => {
    const world = new World(FLEET);
    wrongRuntime(world);
    const plan = world.plan();
    world.recreate('coder');
    const { id } = world.session('coder');
    expect(told(await world.apply({ plan }))).toEqual(['skipped restart session/coder already-satisfied']);
    expect(world.session('coder').id).toBe(id);
  });

  test('made again by somebody, and wrong: stale, left alone', async () => {
    const world = new World(FLEET);
    wrongRuntime(world);
    const plan = world.plan();
    world.recreate('coder');
    wrongRuntime(world);
    const { id } = world.session('coder');
    expect(told(await world.apply({ plan }))).toEqual(['skipped restart session/coder stale']);
    expect(world.session('coder').id).toBe(id);
  });

  test.each([
    ['marked', FLEET],
    ['without marks', MOSAIC],
  ])('made again between the last look and the kill, %s: the new one is left alone', async (_which, yaml) => {
    const world = new World(yaml);
    wrongRuntime(world);
    let once = true;
    world.meanwhile = (step) => {
      if (!once || !step.includes('if-shell')) return;
      once = false;
      world.recreate('coder');
      wrongRuntime(world);
    };
    expect(told(await world.apply())).toEqual(['skipped restart session/coder stale']);
    expect(world.has('coder')).toBe(true);
  });

  test('started by somebody meanwhile: already satisfied', async () => {
    const world = new World(MOSAIC);
    world.dropSession('coder');
    const plan = world.plan();
    world.start(world.agent('coder'));
    expect(told(await world.apply({ plan }))).toEqual(['skipped start session/coder already-satisfied']);
    expect(world.steps).toEqual([]);
  });

  test('an env file edited since is left as it is, and the agent that needs it too', async () => {
    const world = new World(NO_SUPERVISOR);
    world.dropSession('coder');
    world.put(world.envPath('coder'), 'BROKEN=1\n');
    const plan = world.plan();
    world.put(world.envPath('coder'), 'BROKEN=2\n');
    expect(told(await world.apply({ plan }))).toEqual([
      'skipped update env-file/coder stale',
      'skipped start session/coder dependency-failed',
    ]);
    expect(world.text(world.envPath('coder'))).toBe('BROKEN=2\n');
  });

  test('what cannot be looked at is left alone', async () => {
    const world = new World(FLEET);
    wrongRuntime(world);
    const plan = world.plan();
    world.truth.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'tmux gave no answer within 5 s' };
    const result = await world.apply({ plan });
    expect(told(result)).toEqual(['failed restart session/coder unobserved']);
    expect(world.steps).toEqual([]);
  });

  test('a unit that got masked or is on its way is left alone', async () => {
    for (const changed of [{ load_state: 'masked' }, { active_state: 'deactivating' }, { job: 'restart' }]) {
      const world = new World(FLEET);
      world.dropSession('coder');
      const plan = world.plan();
      Object.assign(world.agentUnit('coder'), changed);
      expect(told(await world.apply({ plan }))).toEqual(['skipped start session/coder stale']);
    }
  });

  test('a change of another host or tenant is not attempted', async () => {
    const world = new World(FLEET);
    world.dropSession('coder');
    const plan = world.plan();
    expect(told(await world.apply({ plan, host: 'elsewhere' }))).toEqual(['skipped start session/coder not-attempted']);
    expect(told(await world.apply({ plan, tenant: 'somebody' }))).toEqual([
      'skipped start session/coder not-attempted',
    ]);
  });
});

describe('a started agent counts as started only when it stays up as wanted', () => {
  const cases: readonly (readonly [Fate, string, string])[] = [
    ['dies', 'agent-ended', 'exit status 3'],
    ['crashes', 'agent-ended', 'exit status 4'],
    ['other-spec', 'not-as-started', 'started from another spec'],
    ['gone', 'agent-ended', 'exit unknown'],
    ['parked', 'parked', 'Do you trust this folder?'],
    ['wrong-directory', 'wrong-directory', 'is in /, wanted /home/jarvis/src'],
    ['wrong-program', 'wrong-program', 'the pane runs sleep, wanted stub'],
    ['silent', 'not-ready', 'missing'],
  ];
  test.each(cases)('%s: failed with %s', async (fate, code, detail) => {
    const world = new World(NO_SUPERVISOR);
    world.dropSession('coder');
    world.fates.set('coder', fate);
    const why = failureOf(await world.apply());
    expect(why.code).toBe(code);
    expect(why.detail).toContain(detail);
  });

  test('one that writes no heartbeat is told both ways out', async () => {
    const world = new World(NO_SUPERVISOR);
    world.dropSession('coder');
    world.fates.set('coder', 'silent');
    const { remedy } = failureOf(await world.apply());
    expect(remedy).toBe(
      'see that it writes heartbeats (docs/contract.md, section 7), or set `beats: false` for the runtime stub',
    );
  });

  test('a dead pane gives its exit status and its last lines', async () => {
    const world = new World(NO_SUPERVISOR);
    world.dropSession('coder');
    world.fates.set('coder', 'dies');
    expect(failureOf(await world.apply()).evidence).toEqual(['exit status 3', 'Traceback: boom']);
  });

  describe('whether its effect had begun is told with the failure', () => {
    const begun = ({ outcomes, events, summary }: Awaited<ReturnType<World['apply']>>) => [
      outcomes.flatMap((o) => (o.outcome === 'failed' ? [o.begun] : [])),
      events.flatMap((e) => (e.event === 'failed' ? [e.begun] : [])),
      summary.failed_begun,
    ];

    test('begun: it was started, and ended at once', async () => {
      const world = new World(NO_SUPERVISOR);
      world.dropSession('coder');
      world.fates.set('coder', 'dies');
      expect(begun(await world.apply())).toEqual([[true], [true], 1]);
    });

    test('begun: a program that it was made by has failed', async () => {
      const world = new World(NO_SUPERVISOR);
      world.dropSession('coder');
      const ports = { ...world.ports, run: async () => ({ kind: 'failed', why: 'io', detail: 'EIO' }) as const };
      expect(begun(await world.apply({ ports }))).toEqual([[true], [true], 1]);
    });

    test('not begun: it could not be looked at just before', async () => {
      const world = new World(NO_SUPERVISOR);
      world.dropSession('coder');
      const plan = world.plan();
      world.truth.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'hangs' };
      const result = await world.apply({ plan });
      expect(failureOf(result).code).toBe('unobserved');
      expect(begun(result)).toEqual([[false], [false], 0]);
    });
  });

  test('one agent that fails leaves the rest of the fleet to go on', async () => {
    const world = new World(MOSAIC);
    for (const name of ['canary-pi', 'coder', 'orchestrator']) world.dropSession(name);
    world.fates.set('coder', 'gone');
    expect(told(await world.apply())).toEqual([
      'applied start session/canary-pi',
      'failed start session/coder agent-ended',
      'applied start session/orchestrator',
    ]);
  });

  test('what it was started from is remembered also when it is parked', async () => {
    const world = new World(MOSAIC);
    world.dropSession('coder');
    world.fates.set('coder', 'parked');
    await world.apply();
    expect(Object.keys(world.memory().sessions)).toEqual(['coder']);
    expect(world.drift()).toEqual(['warning session/coder parked']);
  });

  test('twenty agents settle side by side, four effects at a time', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `a${i}`);
    const world = new World(
      NO_SUPERVISOR.replace(/agents:[\s\S]*/, `agents:\n${names.map((n) => `  - { name: ${n} }`).join('\n')}`),
    );
    for (const name of names) world.dropSession(name);
    const begun = world.clock;
    const { summary } = await world.apply();
    expect(summary.applied).toBe(20);
    expect(world.clock - begun).toBeLessThan(6_000);
  });
});

describe('what was started is looked at', () => {
  const settled = async (settleMs: number, launches = 0) => {
    const world = new World(NO_SUPERVISOR);
    world.dropSession('coder');
    const pauses: number[] = [];
    const looks: (string | undefined)[] = [];
    const { observe, delay } = world.ports;
    let right: Parameters<World['runs']>[1] | null = null;
    const ports = {
      ...world.ports,
      observe: async (agents: readonly string[] | null, how?: 'once' | 'twice') => {
        looks.push(how);
        if (world.has('coder')) {
          const pane = seen.paneOf(world.truth, 'coder');
          right ??= pane.runs;
          const early = looks.filter((h) => h === 'once').length <= launches;
          world.runs('coder', early ? { verdict: 'shell', program: 'sh', pid: pane.pid ?? 0 } : right);
        }
        return observe(agents, how);
      },
      delay: async (ms: number) => {
        pauses.push(ms);
        await delay(ms);
      },
    };
    const { summary } = await world.apply({ ports, settleMs });
    expect(summary.applied).toBe(1);
    return { pauses, looks };
  };

  test('for the last time when its time is up, and not up to a quarter of a second later', async () => {
    expect((await settled(600)).pauses).toEqual([250, 250, 100]);
  });

  test('again at once while its launcher has not become it yet', async () => {
    expect((await settled(300, 2)).pauses).toEqual([50, 50, 250, 50]);
  });

  test('without a second look within each, since the next one comes anyway', async () => {
    // The last one is for its heartbeat.
    expect((await settled(300)).looks).toEqual(['twice', 'once', 'once', 'once', 'twice']);
  });
});

describe('what one look finds wrong after a start is not believed', () => {
  type Runs = Parameters<World['runs']>[1];

  /** `at`: what the pane runs, by the milliseconds since the agent was there first. */
  async function startedAs(wanted: string, at: (ms: number, right: Runs, pid: number) => Runs): Promise<World> {
    const world = new World(wanted);
    world.dropSession('coder');
    const { observe } = world.ports;
    let first: { readonly right: Runs; readonly at: number } | null = null;
    const ports = {
      ...world.ports,
      observe: async (agents: readonly string[] | null, how?: 'once' | 'twice') => {
        if (world.has('coder')) {
          const pane = seen.paneOf(world.truth, 'coder');
          first ??= { right: pane.runs, at: world.clock };
          const runs = at(world.clock - first.at, first.right, pane.pid ?? 0);
          pane.dead = runs.verdict === 'dead';
          world.runs('coder', runs);
        }
        return observe(agents, how);
      },
    };
    expect(told(await world.apply({ ports }))).toEqual(['applied start session/coder']);
    return world;
  }

  test('also when it took its time to come up, and its patience is over', async () => {
    let failed = 0;
    await startedAs(NO_SUPERVISOR, (ms, right, pid) => {
      if (ms < 4_000) return { verdict: 'other', program: 'node', pid };
      if (ms < 5_100 || failed === 1) return right;
      failed += 1;
      return { verdict: 'unknown', why: 'io', detail: 'it ended between two reads' };
    });
    expect(failed).toBe(1);
  });

  test('an end whose status tmux tells a moment later has that status', async () => {
    const ephemeral = NO_SUPERVISOR.replace('{ name: coder }', '{ name: coder, lifecycle: ephemeral }');
    const ended = (ms: number): Runs => ({ verdict: 'dead', status: ms < 300 ? null : 0, signal: null });
    const world = await startedAs(ephemeral, ended);
    expect(world.memory().sessions['coder']?.done).toBe(true);
  });
});

describe('an ephemeral agent', () => {
  const EPHEMERAL = NO_SUPERVISOR.replace('{ name: coder }', '{ name: coder, lifecycle: ephemeral }');

  function end(world: World, status: number): void {
    Object.assign(seen.paneOf(world.truth, 'coder'), { dead: true, dead_status: status });
    world.runs('coder', { verdict: 'dead', status, signal: null });
  }

  test('runs once: that it ended well is remembered when its dead pane is gone', async () => {
    const world = new World(EPHEMERAL);
    world.dropSession('coder');
    await world.apply();
    end(world, 0);
    await world.apply();
    world.dropSession('coder');
    expect(world.drift()).toEqual([]);
  });

  test('that did not end well is started again', async () => {
    const world = new World(EPHEMERAL);
    world.dropSession('coder');
    await world.apply();
    end(world, 1);
    expect(world.drift()).toEqual(['restart session/coder session-dead']);
  });

  test('that ends well before it has settled has run', async () => {
    const world = new World(EPHEMERAL);
    world.dropSession('coder');
    world.fates.set('coder', 'finishes');
    expect(told(await world.apply())).toEqual(['applied start session/coder']);
    expect(world.memory().sessions['coder']?.done).toBe(true);
  });

  test.each([
    ['of a mark', EPHEMERAL],
    ['of layout mosaic', MOSAIC.replace('{ name: coder }', '{ name: coder, lifecycle: ephemeral }')],
  ])('%s that has run is not started by the same plan once more, also when its pane is gone', async (_, roster) => {
    const world = new World(roster);
    world.dropSession('coder');
    const plan = world.plan();
    expect(told(await world.apply({ plan }))).toEqual(['applied start session/coder']);
    end(world, 0);
    if (roster === EPHEMERAL) await world.apply();
    world.dropSession('coder');
    expect(told(await world.apply({ plan }))).toEqual(['skipped start session/coder already-satisfied']);
    expect(world.has('coder')).toBe(false);
  });

  test('in layout mosaic, whose sessions go with their program, has run when it is gone', async () => {
    const world = new World(MOSAIC.replace('{ name: coder }', '{ name: coder, lifecycle: ephemeral }'));
    world.dropSession('coder');
    await world.apply();
    world.dropSession('coder');
    expect(world.drift()).toEqual([]);
  });
});

describe('order', () => {
  test('an agent waits for those it depends on; those of one that failed are not attempted, others go on', async () => {
    const world = new World(CHAIN);
    for (const name of ['first', 'second', 'third', 'apart']) world.dropSession(name);
    world.fates.set('second', 'dies');
    const result = await world.apply();
    expect(told(result).toSorted()).toEqual([
      'applied start session/apart',
      'applied start session/first',
      'failed start session/second agent-ended',
      'skipped start session/third dependency-failed',
    ]);
    const began = result.events.flatMap((e) => (e.event === 'started' ? [e.agent] : []));
    const firstUp = result.events.findIndex((e) => e.event === 'applied' && e.agent === 'first');
    const secondBegan = result.events.findIndex((e) => e.event === 'started' && e.agent === 'second');
    expect(firstUp).toBeLessThan(secondBegan);
    expect(began).not.toContain('third');
  });

  test('waves come up one after the other, and go down in reverse', async () => {
    const yaml = NO_SUPERVISOR.replace(
      /agents:[\s\S]*/,
      'agents:\n  - { name: late, wave: 2 }\n  - { name: early, wave: 1 }\n',
    );
    const up = new World(yaml);
    for (const name of ['late', 'early']) up.dropSession(name);
    const ups = (await up.apply()).events.flatMap((e) =>
      'agent' in e && e.event !== 'waiting' ? [`${e.agent} ${e.event}`] : [],
    );
    expect(ups).toEqual(['early started', 'early applied', 'late started', 'late applied']);
    const down = new World(yaml.replaceAll(', wave', ', state: stopped, boot: false, wave'));
    for (const name of ['late', 'early']) down.start(down.agent(name));
    const downs = (await down.apply()).events.flatMap((e) => (e.event === 'started' ? [e.agent] : []));
    expect(downs).toEqual(['late', 'early']);
    expect(down.has('late') || down.has('early')).toBe(false);
  });

  test('stops go in reverse of depends_on: what is stood on goes last, when what stands on it has ended', async () => {
    const world = new World(CHAIN.replace('runtime: stub }', 'runtime: stub, state: stopped, boot: false }'));
    for (const { name } of world.roster.agents) world.start(world.agent(name));
    const { events } = await world.apply();
    const told = events.flatMap((e) => ('agent' in e && e.event !== 'waiting' ? [`${e.agent} ${e.event}`] : []));
    const chain = told.filter((line) => !line.startsWith('apart'));
    expect(chain).toEqual(['third', 'second', 'first'].flatMap((name) => [`${name} started`, `${name} applied`]));
    expect(world.roster.agents.filter((a) => world.has(a.name))).toEqual([]);
  });

  test('what is stood on by one that became busy is left too', async () => {
    const world = new World(CHAIN.replace('runtime: stub }', 'runtime: stub, state: stopped, boot: false }'));
    for (const { name } of world.roster.agents) world.start(world.agent(name));
    const plan = world.plan();
    world.session('second').attached = 1;
    expect(told(await world.apply({ plan })).toSorted()).toEqual([
      'applied stop session/apart',
      'applied stop session/third',
      'skipped stop session/first deferred-attached',
      'skipped stop session/second deferred-attached',
    ]);
    expect(world.drift()).toEqual([
      'deferred(attached) stop session/first should-be-stopped',
      'deferred(attached) stop session/second should-be-stopped',
    ]);
  });

  test('a restart of an agent that others stand on leaves them as they are', async () => {
    const world = new World(CHAIN);
    const ids = ['second', 'third'].map((name) => world.session(name).id);
    world.runs('first', { verdict: 'shell', pid: 1, program: 'sh' });
    expect(told(await world.apply())).toEqual(['applied restart session/first']);
    expect(['second', 'third'].map((name) => world.session(name).id)).toEqual(ids);
  });

  test('interrupted: the effect under way is finished, the rest is not attempted', async () => {
    const world = new World(CHAIN);
    for (const name of ['first', 'second', 'third']) world.dropSession(name);
    const interrupt = new AbortController();
    world.meanwhile = () => interrupt.abort();
    const result = await world.apply({ signal: interrupt.signal });
    expect(told(result)).toEqual([
      'applied start session/first',
      'skipped start session/second not-attempted',
      'skipped start session/third not-attempted',
    ]);
    expect(result.summary.interrupted).toBe(true);
    expect(world.has('first')).toBe(true);
  });

  test('events end with the summary, each change is told once', async () => {
    const world = new World(CHAIN);
    world.dropSession('first');
    const { events, summary } = await world.apply();
    expect(events.map((e) => e.event)).toEqual(['started', 'waiting', 'applied', 'summary']);
    expect(events.at(-1)).toMatchObject({ ...summary, applied: 1, failed: 0 });
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
  });
});

describe('what systemd says is not believed', () => {
  test('enable exits 0 and enables nothing: failed', async () => {
    const world = new World(FLEET);
    Object.assign(world.agentUnit('coder'), { unit_file_state: 'enabled-runtime' });
    world.cannotEnable.add('fleet-agent@coder.service');
    expect(failureOf(await world.apply()).code).toBe('unit-not-as-wanted');
  });

  test('a reload that leaves units to be reloaded: failed', async () => {
    const world = new World(FLEET);
    world.agentUnit('coder').need_daemon_reload = true;
    world.reloadsInVain = true;
    expect(failureOf(await world.apply()).code).toBe('reload-needed-still');
  });

  test('jobs that conflict are tried again, within bounds', async () => {
    const world = new World(FLEET);
    world.dropSession('coder');
    world.conflicts = 3;
    expect(told(await world.apply())).toEqual(['applied start session/coder']);
    world.dropSession('coder');
    world.conflicts = 1000;
    expect(failureOf(await world.apply()).code).toBe('systemctl-failed');
  });

  test('linger refused: failed, with the command for root', async () => {
    const world = new World(FLEET);
    world.truth.sources.linger = seen.known({ user: 'jarvis', enabled: false });
    world.lingerRefused = true;
    expect(failureOf(await world.apply())).toMatchObject({
      code: 'linger-refused',
      remedy: 'as root: loginctl enable-linger jarvis',
    });
  });

  test('a unit whose cgroup has got the server since is not restarted', async () => {
    const world = new World(FLEET);
    world.dropSession('coder');
    const plan = world.plan();
    const [live] = seen.tmuxOf(world.truth).listening;
    if (live !== undefined) live.cgroup = '/app.slice/app-fleet\\x2dagent.slice/fleet-agent@coder.service';
    expect(failureOf(await world.apply({ plan })).code).toBe('server-in-unit');
    expect(world.steps).toEqual([]);
  });

  test('the holder unit is left alone when its server lives after all', async () => {
    const world = new World(FLEET);
    world.killServer();
    const plan = world.plan();
    const server = seen.tmuxOf(world.truth);
    server.server = { state: 'unknown', why: 'timeout', detail: 'no answer' };
    server.listening = [{ pid: 7, start_time: 8, cgroup: null }];
    const result = await world.apply({ plan });
    expect(told(result)[0]).toBe('failed restart tmux-server/mosaic-factory unobserved');
    expect(world.steps).toEqual([]);
  });
});

test('a kill that tmux neither refuses nor makes is not believed', async () => {
  const world = new World(FLEET);
  wrongRuntime(world);
  world.accessDenied = true;
  expect(failureOf(await world.apply())).toMatchObject({ code: 'kill-failed', evidence: ['access not allowed'] });
  expect(world.has('coder')).toBe(true);
});

test('a session that a started unit only took over is remembered as started from what its mark says', async () => {
  const world = new World(FLEET);
  world.agentUnit('coder').active_state = 'inactive';
  expect(told(await world.apply())).toEqual(['applied start unit/fleet-agent@coder.service']);
  expect(world.memory().sessions['coder']?.spec).toBe(world.session('coder').mark?.spec);
});

describe('processes that outlive their session', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)('one that ends by %s only is ended by its group', async (ends) => {
    const world = new World(FLEET);
    wrongRuntime(world);
    const pid = world.session('coder').panes[0]?.pid ?? 0;
    world.stubborn.set(pid, ends);
    const result = await world.apply();
    expect(told(result)).toEqual(['applied restart session/coder']);
    expect(world.signals).toEqual(
      ends === 'SIGTERM' ? [`SIGTERM group ${pid}`] : [`SIGTERM group ${pid}`, `SIGKILL group ${pid}`],
    );
  });

  test('another process that has got its pid by now is not signalled', async () => {
    const world = new World(FLEET);
    wrongRuntime(world);
    const pid = world.session('coder').panes[0]?.pid ?? 0;
    world.stubborn.set(pid, 'SIGTERM');
    world.meanwhile = (step) => {
      if (step.includes('if-shell')) seen.processOf(world.truth, pid).start_time += 1;
    };
    await world.apply();
    expect(world.signals).toEqual([]);
  });
});

test('a full disk: the file fails with its remedy, what depends on it is not attempted, the rest goes on', async () => {
  const world = new World(NO_SUPERVISOR);
  for (const name of ['coder', 'reviewer']) world.dropSession(name);
  world.put(world.envPath('coder'), 'BROKEN=1\n');
  world.trouble = { step: 1, what: 'fail' };
  expect(told(await world.apply())).toEqual([
    'failed update env-file/coder disk-full',
    'skipped start session/coder dependency-failed',
    'applied start session/reviewer',
  ]);
});

test.each<readonly [string, string | null, string | null, boolean]>([
  ['as it was', 'BROKEN=1\n', 'BROKEN=1\n', false],
  ['absent as before', null, null, false],
  ['written all the same', 'BROKEN=1\n', 'FULL=1\n', true],
  ['made all the same', null, '', true],
  ['gone', 'BROKEN=1\n', null, true],
])('a write that failed, the file %s: only what was changed counts as begun', async (_how, before, after, begun) => {
  const world = new World(NO_SUPERVISOR);
  const path = world.envPath('coder');
  const leave = (content: string | null) => (content === null ? world.disk.delete(path) : world.put(path, content));
  leave(before);
  const { files } = world.ports;
  const write: typeof files.write = (to, content, mode) => {
    if (to !== path) return files.write(to, content, mode);
    leave(after);
    return { ok: false, error: failure('disk-full', 'No space left', `writing ${path}: ENOSPC`) };
  };
  const { outcomes, summary } = await world.apply({ ports: { ...world.ports, files: { ...files, write } } });
  expect(outcomes).toMatchObject([{ outcome: 'failed', failure: { code: 'disk-full' }, begun }]);
  expect(summary.failed_begun).toBe(begun ? 1 : 0);
});

test('what waits for a change that is deferred is deferred with it: nothing failed', async () => {
  const world = new World(CHAIN);
  wrongRuntime(world, 'first');
  world.dropSession('second');
  const plan = world.plan();
  world.session('first').attached = 1;
  expect(told(await world.apply({ plan }))).toEqual([
    'skipped restart session/first deferred-attached',
    'skipped start session/second deferred-attached',
  ]);
});

test("a session that takes an orphan's name before its unit is stopped lives on, and so does the unit", async () => {
  const before = new World(FLEET);
  const world = new World(FLEET.replace('  - { name: reviewer }\n', ''));
  const gone = before.agent('reviewer');
  world.truth.sources.units = before.truth.sources.units;
  world.start(gone);
  const memory = seen.owning(world.roster, ['reviewer']);
  const plan = world.plan({ policy: { prune: true }, memory });
  const look = world.ports.observe;
  const ports = {
    ...world.ports,
    observe: async (agents: readonly string[] | null) => {
      if (!world.has('reviewer')) {
        world.start(gone);
        world.session('reviewer').mark = null;
      }
      return look(agents);
    },
  };
  const result = await world.apply({ plan, ports });
  expect(told(result).filter((line) => line.includes('unit/'))).toEqual([
    expect.stringMatching(/^skipped stop unit\/fleet-agent@reviewer.service (stale|dependency-failed)/),
    expect.stringMatching(/^skipped disable unit\/fleet-agent@reviewer.service dependency-failed/),
  ]);
  expect(world.has('reviewer')).toBe(true);
});

test("pruned: session, unit, boot, files, in this order; the operator's lines stay", async () => {
  const before = new World(FLEET);
  const world = new World(FLEET.replace('  - { name: reviewer }\n', ''));
  const gone = before.agent('reviewer');
  world.truth.sources.units = before.truth.sources.units;
  world.put(before.envPath('reviewer'), before.text(before.envPath('reviewer')) ?? '', 0o640);
  world.put(before.argvPath('reviewer'), before.text(before.argvPath('reviewer')) ?? '');
  world.start(gone);
  const memory = seen.owning(world.roster, ['reviewer']);
  const result = await world.apply({ plan: world.plan({ policy: { prune: true }, memory }) });
  expect(told(result)).toEqual([
    'applied stop session/reviewer',
    'applied stop unit/fleet-agent@reviewer.service',
    'applied disable unit/fleet-agent@reviewer.service',
    'applied destroy env-file/reviewer',
    'applied destroy env-file/reviewer.argv',
  ]);
  expect(world.has('reviewer')).toBe(false);
  expect(world.text(before.envPath('reviewer'))).toBe('export OPERATORS_OWN=kept  # by hand\n');
  expect(world.text(before.argvPath('reviewer'))).toBeNull();
});
