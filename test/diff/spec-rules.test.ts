/** What a live session was started from, where and with what it lives: told aspect by aspect, and never guessed. */
import { describe, expect, test } from 'vitest';
import { EMPTY_MEMORY, type PlanMemory, type RememberedSession } from '../../src/diff/policy.ts';
import { formerFileSpec } from '../../src/diff/spec-drift.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import { sha256 } from '../../src/spec/sha256.ts';
import { coderWith, FLEET, MOSAIC, NONE } from './rosters.ts';
import { type Break, lines, olderSpec, planOf, runs, source, type World } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const RESTART = 'restart session/coder spec-changed';
const SPEC_UNKNOWN = 'warning session/coder spec-unknown';

/** This very session, in the inventory. */
const remembered =
  (changes: Partial<RememberedSession> = {}) =>
  (o: World): PlanMemory => {
    const { id, created } = w.session(o, 'coder');
    const server = { pid: 1000, start: 1_780_300_000 };
    const rest = { boot_id: 'b00t', done: false, plan: null, spec: null };
    return {
      ...EMPTY_MEMORY,
      sessions: { coder: { agent: 'coder', socket: 'factory', server, id, created, ...rest, ...changes } },
    };
  };
const envChanged =
  (value: string, after = false): Break =>
  (o) => {
    const file = w.filesOf(o).env_files['coder'];
    if (file?.state !== 'present') throw new Error('no file');
    file.own['MOSAIC_AGENT_CLASS'] = value;
    if (after) Object.assign(file, { modified_ms: w.NOW });
  };
const cwd =
  (value: string): Break =>
  (o) => {
    w.processOf(o, 2000).cwd = w.known(value);
  };
const live =
  (values: Readonly<Record<string, string>>): Break =>
  (o) => {
    const { env } = w.processOf(o, 2000);
    if (env.status === 'known') Object.assign(env.value.values, values);
  };

describe('adopted as it was', () => {
  const unmarked: Break = (o) => {
    const { mark } = w.session(o, 'coder');
    if (mark !== null) mark.spec = null;
  };
  const wrong = [unmarked, cwd('/tmp'), live({ FLEET_AGENT_CLASS: 'boss' })];
  const both = ['warning session/coder workdir-mismatch', 'warning session/coder env-mismatch'];

  test('layout fleet: that it is not as fleet would have started it is told, and ends nothing', () => {
    const found = lines({ yaml: FLEET, memory: remembered(), breaks: wrong });
    expect([...found].sort()).toEqual([...both, SPEC_UNKNOWN].sort());
  });

  test('not adopted, or started by fleet since: as any other', () => {
    const ends = ['restart session/coder env-mismatch', SPEC_UNKNOWN];
    expect(lines({ yaml: FLEET, breaks: wrong })).toEqual(ends);
    expect(lines({ yaml: FLEET, memory: remembered({ created: 7 }), breaks: wrong })).toEqual(ends);
    expect(lines({ yaml: FLEET, memory: remembered(), breaks: wrong.slice(1) })).toEqual([
      'restart session/coder env-mismatch',
    ]);
  });

  test('layout mosaic: its env file says what it was started from', () => {
    expect(lines({ yaml: MOSAIC, memory: remembered(), breaks: [cwd('/tmp')] })).toEqual([
      'restart session/coder workdir-mismatch',
    ]);
  });
});

describe('layout mosaic: started from its env file as it was before fleet changed it', () => {
  const before = formerFileSpec(sha256('another text'));
  const asItIs = formerFileSpec(sha256('coder'));
  const vim = runs('coder', { verdict: 'other', pid: 2000, program: 'vim' });

  test('the file is another by now: another spec', () => {
    expect(lines({ yaml: MOSAIC, memory: remembered({ spec: before }) })).toEqual([RESTART]);
    expect(lines({ yaml: MOSAIC, memory: remembered({ spec: before }), breaks: [vim] })).toEqual([
      RESTART,
      'warning session/coder runtime-unknown',
    ]);
  });

  test('the file is as it was: judged by what is in it', () => {
    expect(lines({ yaml: MOSAIC, memory: remembered({ spec: asItIs }) })).toEqual([]);
    expect(lines({ yaml: MOSAIC, memory: remembered({ spec: asItIs }), breaks: [envChanged('boss')] })).toContain(
      RESTART,
    );
    expect(lines({ yaml: MOSAIC, memory: remembered({ spec: asItIs }), breaks: [vim] })).toEqual([
      'warning session/coder runtime-unknown',
    ]);
  });
});

describe('layout mosaic: what it was started from', () => {
  const noFile: Break = (o) => {
    w.filesOf(o).env_files['coder'] = { state: 'absent' };
  };
  const atOnce: Break = (o) => {
    const file = w.filesOf(o).env_files['coder'];
    if (file?.state === 'present') Object.assign(file, { modified_ms: w.processOf(o, 2000).started_ms });
  };

  test('no env file any more: cannot be told', () => {
    expect(lines({ yaml: MOSAIC, breaks: [noFile] })).toEqual(['create env-file/coder env-file-missing', SPEC_UNKNOWN]);
  });

  test('a file that was changed in the very moment of its start: cannot be told', () => {
    expect(lines({ yaml: MOSAIC, breaks: [atOnce] })).toEqual([SPEC_UNKNOWN]);
  });

  test('the process of its pane was not looked at: cannot be told', () => {
    const child: Break = (o) => {
      const { processes } = o.sources;
      if (processes.status !== 'known') throw new Error('unknown');
      processes.value.processes['2500'] = { ...w.processOf(o, 2000), pid: 2500 };
      delete processes.value.processes['2000'];
      w.paneOf(o, 'coder').runs = { verdict: 'runtime', runtime: 'pi', strength: 'strong', pid: 2500, evidence: 'x' };
    };
    expect(lines({ yaml: MOSAIC, breaks: [child] })).toContain(SPEC_UNKNOWN);
  });

  test('every key that differs is named', () => {
    const two: Break = (o) => {
      const file = w.filesOf(o).env_files['coder'];
      if (file?.state === 'present') Object.assign(file.own, { MOSAIC_AGENT_CLASS: 'boss', MOSAIC_AGENT_MODEL: 'x' });
    };
    const found = planOf({ yaml: MOSAIC, breaks: [two] }).changes.find((c) => c.kind === 'session');
    expect(found?.evidence).toEqual([
      'started from its env file, whose MOSAIC_AGENT_CLASS, MOSAIC_AGENT_MODEL differ from the roster',
    ]);
  });
});

describe('a program that cannot be told', () => {
  const vim = runs('coder', { verdict: 'other', pid: 2000, program: 'vim' });
  const weak = runs('coder', { verdict: 'runtime', runtime: 'claude', strength: 'weak', pid: 2000, evidence: 'name' });
  const told = 'warning session/coder runtime-unknown';

  test('of the spec that the roster has: told only; of another one: replaced', () => {
    for (const program of [vim, weak]) {
      expect(lines({ yaml: FLEET, breaks: [program] })).toEqual([told]);
      expect(lines({ yaml: FLEET, breaks: [program, olderSpec('coder')] })).toEqual([RESTART, told]);
    }
  });

  test('without a fingerprint, or where no file could be read: told only', () => {
    const none: Break = (o) => {
      const { mark } = w.session(o, 'coder');
      if (mark !== null) mark.spec = null;
    };
    expect(lines({ yaml: FLEET, breaks: [vim, none] })).toEqual([told]);
    expect(lines({ yaml: MOSAIC, breaks: [vim] })).toEqual([told]);
    expect(lines({ yaml: FLEET, breaks: [vim, olderSpec('coder'), source('files')] })).toContain(told);
  });

  test('by what the inventory remembers in layout mosaic', () => {
    expect(lines({ yaml: MOSAIC, memory: remembered({ spec: 'older' }), breaks: [vim] })).toEqual([RESTART, told]);
  });
});

describe('what cannot be read is unobserved, and ends nothing', () => {
  const unread = { status: 'unknown', why: 'denied', detail: 'EACCES' } as const;
  const cases: readonly (readonly [string, Break, string])[] = [
    [
      'its working directory',
      (o) => Object.assign(w.processOf(o, 2000), { cwd: unread }),
      'its working directory: EACCES',
    ],
    ['its environment', (o) => Object.assign(w.processOf(o, 2000), { env: unread }), 'its environment: EACCES'],
    [
      'its process',
      (o) => {
        if (o.sources.processes.status === 'known') delete o.sources.processes.value.processes['2000'];
      },
      'process 2000 was not looked at',
    ],
    ['the process table', source('processes'), 'processes: x'],
  ];
  test.each(cases)('%s', (_name, breakIt, detail) => {
    const found = planOf({ yaml: NONE, breaks: [breakIt] });
    expect(found.changes).toEqual([]);
    expect(found.unknown.find((u) => u.agent === 'coder')).toMatchObject({ why: 'unobserved', detail });
  });

  test('files: neither spec nor place can be compared', () => {
    const found = planOf({ yaml: NONE, breaks: [source('files'), olderSpec('coder')] });
    expect(found.changes).toEqual([]);
    expect(found.unknown.map((u) => u.agent)).toContain('coder');
  });
});

describe('an ignore rule', () => {
  const ignoring = (path: string): string =>
    `${FLEET}ignore:\n  - { target: session/coder, path: ${path}, reason: moving house }\n`;
  const startedIn =
    (directory: string): Break =>
    (o) => {
      const [agent] = w.roster(FLEET).agents;
      const { mark } = w.session(o, 'coder');
      if (agent !== undefined && mark !== null)
        mark.spec = fingerprint({ ...agent, workingDirectory: directory }, w.HOME);
    };

  test('for its directory covers a spec that differs in nothing else', () => {
    expect(lines({ yaml: ignoring('/working_directory'), breaks: [cwd('/moved'), startedIn('/moved')] })).toEqual([
      'ignored session/coder workdir-mismatch',
    ]);
  });

  test('covers no other spec, no other aspect, and nothing where it is for another aspect', () => {
    expect(lines({ yaml: ignoring('/working_directory'), breaks: [cwd('/moved'), startedIn('/elsewhere')] })).toContain(
      RESTART,
    );
    expect(lines({ yaml: ignoring('/working_directory'), breaks: [startedIn('/moved')] })).toEqual([RESTART]);
    expect(lines({ yaml: ignoring('/env'), breaks: [cwd('/moved'), startedIn('/moved')] })).toEqual([RESTART]);
    expect(lines({ yaml: ignoring('/env/FLEET_AGENT_CLASS'), breaks: [live({ FLEET_AGENT_CLASS: 'boss' })] })).toEqual([
      'ignored session/coder env-mismatch',
    ]);
    expect(lines({ yaml: ignoring('/env/FLEET'), breaks: [live({ FLEET_AGENT_CLASS: 'boss' })] })).toEqual([
      'restart session/coder env-mismatch',
    ]);
    expect(lines({ yaml: ignoring('/spec'), breaks: [olderSpec('coder')] })).toEqual([
      'ignored session/coder spec-changed',
    ]);
  });
});

describe('the live environment', () => {
  test('a command written with other quotes is the same command', () => {
    const yaml = coderWith('command: [pi, "two words"]');
    const quoted = live({ FLEET_AGENT_COMMAND: 'pi "two words"' });
    expect(lines({ yaml, breaks: [quoted] })).toEqual([]);
    expect(lines({ yaml, breaks: [live({ FLEET_AGENT_COMMAND: 'pi two words' })] })).toEqual([
      'restart session/coder env-mismatch',
    ]);
  });

  test('another key that would be the same word if it were a command differs', () => {
    const yaml = coderWith('env: { FOO: "two words" }');
    expect(lines({ yaml, breaks: [live({ FOO: '"two words"' })] })).toEqual(['restart session/coder env-mismatch']);
  });

  test('a secret of no agent is not asked about', () => {
    const stray: Break = (o) => {
      const { env } = w.processOf(o, 2000);
      if (env.status === 'known') env.value.secrets['OTHER'] = { matches: false };
    };
    expect(lines({ yaml: FLEET, breaks: [stray] })).toEqual([]);
  });

  test('a directory of the roster that could not be looked for is not compared', () => {
    const unknown: Break = (o) => {
      w.filesOf(o).directories['~/src'] = { state: 'unknown', why: 'denied', detail: 'EACCES' };
    };
    expect(lines({ yaml: FLEET, breaks: [unknown, cwd('/tmp')] })).toEqual(['unknown(denied) session/coder']);
  });
});

describe('what runs, in words', () => {
  const evidence = (verdict: Parameters<typeof runs>[1]): readonly string[] => {
    const plan = planOf({ yaml: FLEET, breaks: [runs('coder', verdict)] });
    return [...plan.changes, ...plan.warnings].flatMap((found) => found.evidence);
  };
  test('each of what cannot be told', () => {
    expect(evidence({ verdict: 'other', pid: 7, program: 'vim' })).toEqual([
      'runs vim (pid 7), which no runtime of the roster matches; wanted pi',
    ]);
    expect(evidence({ verdict: 'ambiguous', runtimes: ['pi', 'codex'], evidence: 'both' })).toEqual([
      'runs several: pi, codex (both); wanted pi',
    ]);
    expect(evidence({ verdict: 'opaque', program: 'ssh' })).toEqual(['runs ssh, which cannot be seen into; wanted pi']);
    expect(evidence({ verdict: 'suspended', pid: 7, runtime: 'pi' })).toEqual([
      'runs a stopped process (state T, pid 7); wanted pi',
    ]);
  });

  test('how a pane died', () => {
    expect(evidence({ verdict: 'dead', status: null, signal: 'KILL' })).toEqual(['the pane is dead: signal KILL']);
    expect(evidence({ verdict: 'dead', status: null, signal: null })).toEqual(['the pane is dead: exit unknown']);
  });

  test('another runtime by strong evidence is one restart, whatever spec it has', () => {
    const other = runs('coder', {
      verdict: 'runtime',
      runtime: 'dogfood',
      strength: 'strong',
      pid: 7,
      evidence: 'script',
    });
    const plan = planOf({ yaml: FLEET, breaks: [other, olderSpec('coder')] });
    expect(w.lines(plan)).toEqual(['restart session/coder runtime-mismatch']);
    expect(plan.changes[0]?.evidence).toEqual(['script']);
  });

  test('a window of the wanted size is no drift, one of another width or height is', () => {
    const yaml = coderWith('window: { width: 200, height: 50 }');
    const sized =
      (width: number, height: number): Break =>
      (o) => {
        Object.assign(w.paneOf(o, 'coder'), { width, height });
      };
    expect(lines({ yaml, breaks: [sized(200, 50)] })).toEqual([]);
    for (const size of [sized(80, 50), sized(200, 24)]) {
      expect(lines({ yaml, breaks: [size] })).toEqual(['warning session/coder window-mismatch']);
    }
    expect(planOf({ yaml, breaks: [sized(80, 24)] }).warnings[0]?.evidence).toEqual([
      'the pane is 80x24, wanted 200x50',
    ]);
  });
});
