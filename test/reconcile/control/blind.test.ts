/** What is told while nothing can be looked at. */
import { expect, test } from 'vitest';
import { blind } from '../../../src/reconcile/control/blind.ts';
import { FLEET } from '../../diff/rosters.ts';
import { Desk } from './desk.ts';

test('nobody is known to be ready whom nobody sees, until the next look that sees', () => {
  const desk = new Desk(FLEET);
  desk.pass();
  const ready = () => Object.values(desk.state.agents).map((list) => list.find((c) => c.type === 'Ready'));
  const fleet = () => desk.state.fleet.find((c) => c.type === 'Ready')?.status;
  expect(fleet()).toBe('True');
  const before = ready();
  desk.wait(1_000);
  desk.state = blind(desk.state, null, desk.moment);
  expect(fleet()).toBe('Unknown');
  for (const [index, condition] of ready().entries()) {
    if (before[index]?.reason === 'Stopped') expect(condition).toEqual(before[index]);
    else expect(condition).toMatchObject({ status: 'Unknown', reason: 'Unobserved' });
  }
  const since = ready().map((condition) => condition?.last_transition);
  desk.wait(1_000);
  desk.state = blind(desk.state, null, desk.moment);
  expect(ready().map((condition) => condition?.last_transition)).toEqual(since);
  desk.pass();
  expect([fleet(), ready().map((c) => c?.status)]).toEqual(['True', before.map((c) => c?.status)]);
});

test('of a look at one agent it is that one', () => {
  const desk = new Desk(FLEET);
  desk.pass();
  const [name = '', other = ''] = Object.keys(desk.state.agents);
  const now = blind(desk.state, [name], desk.moment);
  expect(now.agents[name]?.find((c) => c.type === 'Ready')?.status).toBe('Unknown');
  expect(now.agents[other]).toEqual(desk.state.agents[other]);
});
