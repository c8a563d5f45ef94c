import { expect, test } from 'vitest';
import type { Taking } from '../../src/diff/adoption.ts';
import type { LettingGo } from '../../src/diff/letting-go.ts';
import { EMPTY_MEMORY } from '../../src/diff/policy.ts';
import { type AdoptInput, letGo, takeOver } from '../../src/reconcile/adopt.ts';
import type { Journal } from '../../src/reconcile/journal.ts';
import { failure } from '../../src/reconcile/outcome.ts';

const LOST = failure('lease-lost', 'The lease is lost', 'another fleet has it');
const RECORD = { kind: 'unit-file', name: 'a.service', agent: null, how: 'adopted', state: 'made' } as const;
const TAKING: Taking = {
  address: 'w-jarvis/jarvis/unit-file/a.service',
  kind: 'unit-file',
  name: 'a.service',
  evidence: [],
  record: { ...RECORD, protect: false, plan: null, content: 'x' },
  session: null,
};

/** `lostAfter`: so many questions are answered before the lease is lost. */
function withJournal(lostAfter: number) {
  const told: string[] = [];
  let asked = 0;
  const journal: Journal = {
    memory: () => EMPTY_MEMORY,
    of: () => {
      throw new Error('no change is made');
    },
    note: (records) => {
      told.push(`note ${JSON.stringify(Object.values(records.owned ?? {}).map((r) => r?.state ?? null))}`);
      return null;
    },
    finish: () => {
      told.push('finish');
      return null;
    },
    abandon: () => told.push('abandon'),
  };
  const input: AdoptInput = {
    fleet: 'mosaic',
    ports: {
      now: () => 0,
      run: () => Promise.reject(new Error('nothing is run')),
      observe: () => Promise.reject(new Error('nothing is looked at')),
    },
    open: () => ({ ok: true, value: journal }),
    mayAct: () => (asked++ < lostAfter ? null : LOST),
  };
  return { input, told };
}

test('what is taken over is written down before and after', async () => {
  const { input, told } = withJournal(9);
  const taken = await takeOver(input, [TAKING]);
  expect(taken).toMatchObject({ ok: true, value: [{ outcome: 'done' }] });
  expect(told).toEqual(['note ["intended"]', 'note ["made"]', 'finish']);
});

test('who loses the lease in the middle writes nothing more, and says so', async () => {
  const { input, told } = withJournal(1);
  expect(await takeOver(input, [TAKING])).toEqual({ ok: false, error: LOST });
  expect(told).toEqual(['note ["intended"]', 'abandon']);
});

test('letting go likewise', async () => {
  const going: LettingGo = { ...TAKING, agent: null, record: null, unmark: [] };
  const { input, told } = withJournal(0);
  expect(await letGo(input, [going])).toEqual({ ok: false, error: LOST });
  expect(told).toEqual(['abandon']);
});
