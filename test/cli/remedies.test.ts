/** Every refusal names what helps: an edit of the roster, or a command that can be pasted into a shell as it stands. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { findCommand } from '../../src/cli/commands.ts';
import { parseArguments } from '../../src/cli/parse-arguments.ts';
import type { Guard } from '../../src/diff/plan.ts';
import type { PlanMemory } from '../../src/diff/policy.ts';
import type { Observed } from '../../src/observe/state.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import { parseShellWords } from '../../src/spec/shell-words.ts';
import { coderWith, FLEET, MOSAIC } from '../diff/rosters.ts';
import * as w from '../diff/world.ts';

type World = w.Mutable<Observed>;
interface Case {
  readonly yaml?: string;
  readonly seenAs?: string;
  readonly break?: (o: World) => void;
  readonly policy?: NonNullable<w.PlanOptions['policy']>;
  readonly memory?: PlanMemory;
}

const PATH = "my fleet's.yaml";
const shell = (o: World): void => {
  w.paneOf(o, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
};
const unit = (name: string, changes: object) => (o: World) => {
  Object.assign(w.unit(o, name), changes);
};
const otherServer = (socket: string) => (o: World) => {
  if (o.sources.tmux.status !== 'known') return;
  const [first] = o.sources.tmux.value.servers;
  if (first === undefined || first.server.state !== 'running') return;
  const session = structuredClone(w.session(o, 'coder'));
  const server = { state: 'running' as const, pid: 1700, start: 1, sessions: [session] };
  o.sources.tmux.value.servers.push({ socket, path: `/tmp/tmux-1000/${socket}`, listening: [], server });
};
const NONE_ALLOWED = { value: 0, unit: 'count' } as const;
const GONE = FLEET.replace('- name: coder', '- name: other');
const CODER = 'fleet-agent@coder.service';
const MOSAIC_CODER = 'mosaic-agent@coder.service';
const missing = { load_state: 'not-found', unit_file_state: '', active_state: 'inactive', wanted_by: [] };

const [CODER_SPEC] = w.roster(FLEET).agents;
if (CODER_SPEC === undefined) throw new Error('no coder');
const LOOP = {
  spec: fingerprint(CODER_SPEC, w.HOME),
  since: '2026-06-01T11:00:00.000Z',
  restarts: 6,
  window: 900_000,
};

const CASES: Readonly<Record<string, Case>> = {
  'protect, on the roster': { yaml: coderWith('protect: true'), break: shell },
  'protect, off the roster': {
    yaml: GONE,
    seenAs: FLEET,
    policy: { prune: true },
    memory: w.owning(w.roster(GONE), ['coder'], { protect: true }),
  },
  'max-destroy': {
    yaml: GONE,
    seenAs: FLEET,
    policy: { prune: true, maxDestroy: NONE_ALLOWED },
    memory: w.owning(w.roster(GONE), ['coder']),
  },
  'max-disrupt': { break: shell, policy: { maxDisrupt: NONE_ALLOWED } },
  'not-ours, an orphan without a record': { yaml: GONE, seenAs: FLEET, policy: { prune: true } },
  'not-ours, an unmarked session': { break: (o) => Object.assign(w.session(o, 'coder'), { mark: null }) },
  'not-ours, renamed': {
    yaml: GONE,
    seenAs: FLEET,
    policy: { prune: true },
    memory: w.owning(w.roster(GONE), ['coder']),
    break: (o) => Object.assign(w.session(o, 'coder'), { name: "it's mine" }),
  },
  'not-ours, in the way': {
    yaml: GONE,
    seenAs: FLEET,
    policy: { prune: true },
    memory: w.owning(w.roster(GONE), ['coder']),
    break: (o) => Object.assign(w.session(o, 'coder'), { mark: null }),
  },
  'other-owner, a session': {
    break: (o) => Object.assign(w.session(o, 'coder').mark ?? {}, { owner: 'theirs' }),
  },
  'other-owner, a unit file': {
    break: (o) => {
      w.filesOf(o).unit_files['fleet-agent@.service'] = w.fileWith('[X-Fleet]\nOwner=theirs\n');
    },
  },
  'other-owner, a unit file of nobody': {
    break: (o) => {
      w.filesOf(o).unit_files['fleet-agent@.service'] = w.fileWith('[Unit]\n');
    },
  },
  'masked, missing session': {
    break: (o) => {
      w.dropSession(o, 'coder');
      unit(CODER, { load_state: 'masked', unit_file_state: 'masked', active_state: 'inactive' })(o);
    },
  },
  'masked, to be restarted': {
    break: (o) => {
      shell(o);
      unit(CODER, { load_state: 'masked', unit_file_state: 'masked' })(o);
    },
  },
  'missing, a unit': { yaml: MOSAIC, break: unit(MOSAIC_CODER, missing) },
  'missing, a unit of a session to be restarted': {
    yaml: MOSAIC,
    break: (o) => {
      shell(o);
      unit(MOSAIC_CODER, { ...missing, active_state: 'active' })(o);
    },
  },
  'missing, a directory and a command': {
    yaml: coderWith('command: [pi]').replace('~/src', "~/it's mine"),
    break: (o) => {
      const files = w.filesOf(o);
      for (const path of Object.keys(files.directories)) {
        files.directories[path] = { state: 'missing', detail: 'not there' };
      }
      files.commands['coder'] = { state: 'missing', detail: 'not there' };
    },
  },
  'missing, a server that is not started': {
    yaml: MOSAIC,
    break: (o) => {
      w.tmuxOf(o).server = { state: 'absent' };
      w.tmuxOf(o).listening = [];
      unit('mosaic-tmux-holder.service', missing)(o);
    },
  },
  'split-brain': {
    break: (o) => {
      w.tmuxOf(o).server = { state: 'unknown', why: 'split-brain', detail: 'two' };
      w.tmuxOf(o).listening = [1, 2].map((pid) => ({ pid, start_time: 1, cgroup: null }));
    },
  },
  'wrong-socket': {
    break: (o) => {
      otherServer('old socket')(o);
      w.dropSession(o, 'coder');
    },
  },
  duplicate: { break: otherServer('old') },
  'duplicate, under another name': { break: (o) => Object.assign(w.session(o, 'coder'), { name: 'x y' }) },
  'server-in-unit': {
    break: (o) => {
      shell(o);
      const [first] = w.tmuxOf(o).listening;
      if (first !== undefined) first.cgroup = `/user.slice/${CODER}`;
    },
  },
  'cannot-enable': { break: unit(CODER, { unit_file_state: 'static', wanted_by: [] }) },
  'cannot-enable, in another target': {
    yaml: MOSAIC,
    break: unit(MOSAIC_CODER, { wanted_by: ['graphical.target'] }),
  },
  'crash-loop': {
    break: (o) => w.dropSession(o, 'coder'),
    memory: {
      ...w.owning(w.roster(FLEET), []),
      holds: { crash_loops: { coder: LOOP }, contested: [], pauses: [] },
    },
  },
  'attached (deferred)': {
    break: (o) => {
      shell(o);
      w.session(o, 'coder').attached = 1;
    },
  },
  'in transition (deferred)': {
    break: (o) => {
      shell(o);
      unit(CODER, { active_state: 'deactivating' })(o);
    },
  },
};

function refusalsOf({ yaml = FLEET, seenAs, break: breakIt, policy, memory }: Case) {
  const roster = { ...w.roster(yaml), path: PATH };
  const observed = w.healthy(w.roster(seenAs ?? yaml));
  breakIt?.(observed);
  const plan = w.planOf(roster, observed, { ...(policy ? { policy } : {}), ...(memory ? { memory } : {}) });
  const deferred = plan.deferred.map(({ remedy, ...rest }) => ({ ...rest, guard: 'deferred', remedy: remedy ?? '' }));
  return { blocked: plan.blocked, all: [...plan.blocked, ...deferred] };
}

/** Whole commands stand at the end of a clause, behind a colon. */
const commandsIn = (remedy: string): readonly string[] =>
  remedy
    .split(/; /)
    .flatMap((clause) => /(?:^|: )((?:[A-Z_]+=\S+ )?(?:fleet|systemctl|tmux|mkdir|ps) .+)$/.exec(clause)?.[1] ?? []);

describe.each(Object.entries(CASES))('%s', (name, refused) => {
  const { all } = refusalsOf(refused);

  test('is refused', () => {
    expect(all.length, name).toBeGreaterThan(0);
  });

  test.each(all.map((b) => [b.address, b] as const))('%s: names a command or an edit', (_address, b) => {
    const edit =
      b.remedy.includes(`in ${PATH}`) || b.remedy.includes('WantedBy=') || b.remedy.includes('protect: false');
    expect(edit || commandsIn(b.remedy).length > 0, b.remedy).toBe(true);
    expect(b.evidence.length).toBeGreaterThan(0);
  });

  test.each(all.flatMap((b) => commandsIn(b.remedy)).map((c) => [c]))('can be typed: %s', (command) => {
    execFileSync('/bin/sh', ['-n', '-c', command]);
    const words = parseShellWords(command, w.HOME);
    expect(words, command).not.toBeNull();
    if (words === null || words[0] !== 'fleet') return;
    const verb = findCommand(words[1] ?? '');
    if (verb === null) throw new Error(`no command ${words[1]}`);
    const parsed = parseArguments(verb, words.slice(2));
    expect(parsed.ok ? '' : parsed.error.message).toBe('');
    if (!command.includes('ROSTER-OF-')) expect(words.slice(2, 4)).toEqual(['-f', PATH]);
  });
});

test('every guard is among them', () => {
  const guards = new Set(Object.values(CASES).flatMap((c) => refusalsOf(c).blocked.map((b) => b.guard)));
  const wanted: readonly Guard[] = [
    ...([
      'protect',
      'max-destroy',
      'max-disrupt',
      'masked',
      'missing',
      'not-ours',
      'other-owner',
      'split-brain',
    ] as const),
    ...(['wrong-socket', 'duplicate', 'server-in-unit', 'cannot-enable', 'crash-loop'] as const),
  ];
  expect([...wanted].filter((g) => !guards.has(g))).toEqual([]);
});
