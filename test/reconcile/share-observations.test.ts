import { expect, test } from 'vitest';
import type { Observed } from '../../src/observe/state.ts';
import { shareObservations } from '../../src/reconcile/share-observations.ts';
import { healthy, roster } from '../diff/world.ts';
import { FLEET } from './rosters.ts';

function looks() {
  const asked: (readonly string[] | null)[] = [];
  const answers: (() => void)[] = [];
  const observed: Observed = healthy(roster(FLEET));
  const observe = shareObservations((agents) => {
    asked.push(agents);
    return new Promise((resolve) => answers.push(() => resolve(observed)));
  });
  const answer = async () => {
    answers.shift()?.();
    await new Promise(setImmediate);
  };
  return { asked, answer, observe };
}

test('those that ask during a look share the next one, narrowed to all that they name', async () => {
  const { asked, answer, observe } = looks();
  const first = observe(['a']);
  const others = [observe(['b']), observe(['c']), observe(['b'])];
  expect(asked).toEqual([['a']]);
  await answer();
  expect(asked).toEqual([['a'], ['b', 'c']]);
  await answer();
  await Promise.all([first, ...others]);
  void observe(['d']);
  expect(asked).toHaveLength(3);
});

test('one that asks for everything widens the shared look to everything', async () => {
  const { asked, answer, observe } = looks();
  void observe(['a']);
  void observe(['b']);
  void observe(null);
  await answer();
  expect(asked).toEqual([['a'], null]);
});

test('a shared look is as careful as the most careful that asks for it', async () => {
  const asked: (string | undefined)[] = [];
  const observe = shareObservations(async (_agents, how) => {
    asked.push(how);
    await new Promise(setImmediate);
    return healthy(roster(FLEET));
  });
  const [first, ...shared] = [observe(['a'], 'once'), observe(['b'], 'once'), observe(['c']), observe(['d'], 'once')];
  await Promise.all([first, ...shared]);
  await observe(['e'], 'once');
  expect(asked).toEqual(['once', 'twice', 'once']);
});

test('nobody is answered with a look that began before the question', async () => {
  const { asked, answer, observe } = looks();
  void observe(['a']);
  let answered = false;
  void observe(['a']).then(() => {
    answered = true;
  });
  await answer();
  expect(answered).toBe(false);
  expect(asked).toHaveLength(2);
  await answer();
  expect(answered).toBe(true);
});

test('a look that fails does not keep the next one from being made', async () => {
  let calls = 0;
  const observe = shareObservations(() => {
    calls += 1;
    return Promise.reject(new Error('bug'));
  });
  const both = await Promise.allSettled([observe(['a']), observe(['b'])]);
  expect(both.map((r) => r.status)).toEqual(['rejected', 'rejected']);
  expect(calls).toBe(2);
});
