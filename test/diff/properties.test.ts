import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Observed } from '../../src/observe/state.ts';
import { FLEET, MOSAIC, NONE } from './rosters.ts';
import * as w from './world.ts';

type Break = (o: w.Mutable<Observed>) => void;

const ROSTERS = [FLEET, MOSAIC, NONE].map(w.roster);

/** Each hurts one part of the world, whatever the others do; where its part is already gone it does nothing. */
const BREAKS: Readonly<Record<string, Break>> = {
  dropCoder: safely((o) => w.dropSession(o, 'coder')),
  serverGone: safely((o) => Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } })),
  serverUnknown: safely((o) => {
    w.tmuxOf(o).server = { state: 'unknown', why: 'timeout', detail: 'hangs' };
  }),
  tmuxUnknown: (o) => {
    o.sources.tmux = { status: 'unknown', why: 'not-installed', detail: 'no tmux' };
  },
  unitsUnknown: (o) => {
    o.sources.units = { status: 'unknown', why: 'no-bus', detail: 'nobody' };
  },
  filesUnknown: (o) => {
    o.sources.files = { status: 'unknown', why: 'io', detail: 'EIO' };
  },
  processesUnknown: (o) => {
    o.sources.processes = { status: 'unknown', why: 'denied', detail: 'hidepid' };
  },
  heartbeatsUnknown: (o) => {
    o.sources.heartbeats = { status: 'unknown', why: 'io', detail: 'EIO' };
  },
  shell: safely((o) => {
    w.paneOf(o, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
  }),
  unmarked: safely((o) => {
    w.session(o, 'coder').mark = null;
  }),
  attached: safely((o) => {
    w.session(o, 'coder').attached = 2;
  }),
  stranger: safely((o) => {
    w.sessionsOf(o).push(w.sessionNamed(w.roster(FLEET), 'coder-2', '$90', 90, false) as never);
  }),
  disabled: safely((o) => {
    if (o.sources.units.status !== 'known') return;
    for (const unit of Object.values(o.sources.units.value.units)) unit.unit_file_state = 'disabled';
  }),
  lingerOff: (o) => {
    if (o.sources.linger.status === 'known') o.sources.linger.value.enabled = false;
  },
};

function safely(breakIt: Break): Break {
  return (o) => {
    try {
      breakIt(o);
    } catch {
      // The part it hurts is already unknown or gone.
    }
  };
}

const worlds = fc.record({
  roster: fc.constantFrom(...ROSTERS),
  breaks: fc.uniqueArray(fc.constantFrom(...Object.keys(BREAKS)), { maxLength: 6 }),
  prune: fc.boolean(),
});

function planFor(world: { roster: (typeof ROSTERS)[number]; breaks: readonly string[]; prune: boolean }): {
  plan: ReturnType<typeof w.planOf>;
  observed: w.Mutable<Observed>;
} {
  const observed = w.healthy(world.roster);
  for (const name of world.breaks) BREAKS[name]?.(observed);
  return { plan: w.planOf(world.roster, observed, { policy: { prune: world.prune } }), observed };
}

describe('whatever the world is like', () => {
  test('the plan is deterministic', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        expect(JSON.stringify(planFor(world).plan)).toBe(JSON.stringify(planFor(world).plan));
      }),
      { numRuns: 300 },
    );
  });

  test('a tmux that could not be asked leads to no change of any session or server', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { plan, observed } = planFor(world);
        const { tmux } = observed.sources;
        const blind = tmux.status === 'unknown' || tmux.value.servers.some((s) => s.server.state === 'unknown');
        fc.pre(blind);
        expect(plan.changes.filter((c) => c.kind === 'session' || c.kind === 'tmux-server')).toEqual([]);
        expect(plan.complete).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test('units that could not be asked lead to no change that goes through one', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { plan, observed } = planFor(world);
        fc.pre(world.roster.supervisor === 'systemd' && observed.sources.units.status === 'unknown');
        expect(plan.changes.filter((c) => ['unit', 'session', 'tmux-server'].includes(c.kind))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('a session without our mark is in no change of layout fleet', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        fc.pre(world.roster.layout === 'fleet' && world.breaks.includes('unmarked'));
        const { plan } = planFor(world);
        const touched = plan.changes.filter(
          (c) => c.kind === 'session' && c.agent === 'coder' && c.disruption !== 'none',
        );
        expect(touched).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('nothing that someone is attached to is interrupted', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { plan } = planFor(world);
        expect(plan.changes.filter((c) => c.disruption !== 'none' && c.live.attached > 0)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('every change waits only for changes that come before it', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { changes } = planFor(world).plan;
        changes.forEach((c, i) => {
          const before = changes.slice(0, i).map((b) => b.address);
          for (const address of c.depends_on) expect(before).toContain(address);
        });
      }),
      { numRuns: 300 },
    );
  });
});
