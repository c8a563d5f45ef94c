/** Whether an agent is up, from what was seen of it: the word, its reason and its evidence, whatever the plan would do. */
import { expect, test } from 'vitest';
import { seenContext } from '../../src/diff/context.ts';
import { EMPTY_MEMORY, type PlanMemory } from '../../src/diff/policy.ts';
import { readinessOf, standingOf } from '../../src/diff/standing.ts';
import type { Observed } from '../../src/observe/state.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import type { AgentSpec } from '../../src/spec/model.ts';
import { coderWith, FLEET } from './rosters.ts';
import { type Break, drop, ended, runs, shell } from './rows.ts';
import * as w from './world.ts';

const pid = 2000;
const UNSEEN = { status: 'unknown', why: 'timeout', detail: 'x' } as const;
const runtime = (name: string, strength: 'strong' | 'weak' = 'strong'): Break =>
  runs('coder', { verdict: 'runtime', runtime: name, strength, pid, evidence: 'exe' });
const beats =
  (age: number, of = pid): Break =>
  (o) => {
    w.heartbeatsOf(o, 'coder').beat = w.beat(of, age);
  };
const unread =
  (beat: object): Break =>
  (o) => {
    w.heartbeatsOf(o, 'coder').beat = beat as never;
  };

function told(yaml: string, breakIt: Break, memory: PlanMemory = EMPTY_MEMORY, beating = false) {
  const written = w.roster(yaml);
  const { pi } = written.runtimes;
  const roster =
    pi === undefined ? written : { ...written, runtimes: { ...written.runtimes, pi: { ...pi, beats: beating } } };
  const observed = w.healthy(roster);
  breakIt(observed);
  const agent = roster.agents.find((a) => a.name === 'coder') as AgentSpec;
  const ctx = seenContext({ roster, observed: observed as Observed, memory });
  return { agent, standing: standingOf(ctx, agent), readiness: readinessOf(ctx, agent) };
}

function word({ standing }: ReturnType<typeof told>): string {
  if (standing.stands === 'up') return `up ${standing.pane?.id ?? 'without a pane'}`;
  return [standing.stands, standing.reason, ...standing.evidence].join(' | ');
}

test.each<[string, string, Break]>([
  ['as wanted', 'up %2000', () => {}],
  ['its session gone', 'down | session-missing | no session coder on socket factory', drop('coder')],
  [
    'its pane gone',
    'down | session-missing | its pane %77 is gone',
    (o) => Object.assign(w.session(o, 'coder').mark ?? {}, { pane: '%77' }),
  ],
  ['its pane dead', 'down | session-dead | the pane is dead: exit status 1', ended('coder')],
  ['its process gone', "down | session-dead | the pane's process 2000 is gone", runs('coder', { verdict: 'gone' })],
  ['a shell left', 'down | shell-left | the runtime has ended, bash (pid 2000) is left', shell('coder')],
  [
    'another program',
    'down | runtime-unknown | runs cat (pid 2000), which no runtime of the roster matches; wanted pi',
    runs('coder', { verdict: 'other', pid, program: 'cat' }),
  ],
  [
    'suspended',
    'down | runtime-unknown | runs a stopped process (state T, pid 2000); wanted pi',
    runs('coder', { verdict: 'suspended', runtime: 'pi', pid }),
  ],
  ['another runtime', 'down | runtime-mismatch | exe', runtime('codex')],
  [
    'parked',
    'down | parked | waits at a prompt (trust): Do you trust this folder?',
    (o) => Object.assign(w.paneOf(o, 'coder'), { prompt: { id: 'trust', text: 'Do you trust this folder?' } }),
  ],
  [
    'opaque',
    'unknown | runtime-unknown | runs docker, which cannot be seen into; wanted pi',
    runs('coder', { verdict: 'opaque', program: 'docker' }),
  ],
  [
    'one of several',
    'unknown | runtime-unknown | runs several: pi, codex (argv); wanted pi',
    runs('coder', { verdict: 'ambiguous', runtimes: ['pi', 'codex'], evidence: 'argv' }),
  ],
  [
    'unread',
    'unknown | unobserved | what runs in pane %2000: no (denied)',
    runs('coder', { verdict: 'unknown', why: 'denied', detail: 'no' }),
  ],
  [
    'its server not seen',
    'unknown | unobserved | tmux socket factory: hangs',
    (o) => Object.assign(w.tmuxOf(o), { server: { state: 'unknown', why: 'timeout', detail: 'hangs' } }),
  ],
])('%s: %s', (_what, expected, breakIt) => {
  const found = told(FLEET, breakIt);
  expect(word(found)).toBe(expected);
  if (found.standing.stands !== 'up') expect(found.readiness).toEqual(found.standing);
});

const absent: Break = drop('coder');
const endedWell = runs('coder', { verdict: 'dead', status: 0, signal: null });
const EPHEMERAL = coderWith('lifecycle: ephemeral');

test('meant to have ended: up, without a pane, whatever its heartbeat says', () => {
  for (const [yaml, breakIt] of [
    [coderWith('state: stopped'), absent],
    [coderWith('state: stopped'), () => {}],
    [EPHEMERAL, endedWell],
  ] as const) {
    const found = told(yaml, (o) => {
      Object.assign(o.sources, { heartbeats: UNSEEN });
      breakIt(o);
    });
    expect([word(found), found.readiness]).toEqual(['up without a pane', found.standing]);
  }
});

test('ended with 0 is down where it is to run always', () => {
  expect(word(told(FLEET, endedWell))).toBe('down | session-dead | the pane is dead: exit status 0');
});

test('ephemeral and gone: up only where the inventory knows that it ran by this spec', () => {
  const { agent } = told(EPHEMERAL, absent);
  const record = (done: boolean, spec = fingerprint(agent, w.HOME)): PlanMemory => ({
    ...EMPTY_MEMORY,
    sessions: {
      coder: {
        ...{ agent: 'coder', socket: 'factory', server: { pid: 1, start: 1 }, id: '$1', created: 1, boot_id: null },
        ...{ spec, done, plan: null },
      },
    },
  });
  expect(word(told(EPHEMERAL, absent, record(true)))).toBe('up without a pane');
  const gone = 'down | session-missing | no session coder on socket factory';
  expect(word(told(EPHEMERAL, absent, record(false)))).toBe(gone);
  expect(word(told(EPHEMERAL, absent, record(true, 'older')))).toBe(gone);
});

test.each<[string, string, Break]>([
  ['fresh', 'up', beats(5)],
  ['stale', 'down heartbeat-stale', beats(600)],
  ['none, of a runtime that writes none by itself', 'up', unread({ state: 'absent' })],
  ['of the future', 'unknown heartbeat-future', beats(-600)],
  ['of another process', 'unknown heartbeat-foreign', beats(5, 1)],
  ['torn', 'unknown heartbeat-unreadable', unread({ state: 'unreadable', why: 'garbage', detail: 'torn' })],
  ['not seen', 'unknown unobserved', (o) => void Object.assign(o.sources, { heartbeats: UNSEEN })],
])('a heartbeat, %s: %s', (_what, expected, breakIt) => {
  const { standing, readiness } = told(FLEET, breakIt);
  expect(standing.stands).toBe('up');
  expect(readiness.stands === 'up' ? 'up' : `${readiness.stands} ${readiness.reason}`).toBe(expected);
  if (readiness.stands !== 'up') expect(readiness.evidence.join()).not.toBe('');
  const without = told(coderWith('heartbeat: { required: false }'), breakIt);
  expect(without.readiness).toEqual(without.standing);
});

test('no heartbeat, of a runtime that writes one: not ready, where it is asked for', () => {
  const none = unread({ state: 'absent' });
  const { standing, readiness } = told(FLEET, none, EMPTY_MEMORY, true);
  expect([standing.stands, readiness]).toMatchObject(['up', { stands: 'down', reason: 'heartbeat-missing' }]);
  expect(told(coderWith('heartbeat: { required: false }'), none, EMPTY_MEMORY, true).readiness.stands).toBe('up');
});
