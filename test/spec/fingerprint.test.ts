import { expect, test } from 'vitest';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import type { AgentSpec } from '../../src/spec/model.ts';
import { makeAgent } from './make-agent.ts';

const home = '/home/j';
const base = makeAgent({ argv: ['pi', '~/x'], env: { A: { kind: 'plain', value: '1' } }, workingDirectory: '~/src' });

test('is stable: a session that an older fleet started stays what it was', () => {
  expect(fingerprint(base, home)).toBe('e9df595bc6a9222c7b6a264410207c98');
});

test.each<readonly [string, Partial<AgentSpec>]>([
  ['command', { argv: ['pi', '~/y'] }],
  ['one word instead of two', { argv: ['pi ~/x'] }],
  ['no command', { argv: null }],
  ['model', { modelHint: 'm' }],
  ['runtime', { runtime: 'claude' }],
  ['directory', { workingDirectory: '~/other' }],
  ['a value', { env: { A: { kind: 'plain', value: '2' } } }],
  ['a name', { env: { B: { kind: 'plain', value: '1' } } }],
  ['a value that becomes a secret', { env: { A: { kind: 'secret', fromFile: '1' } } }],
])('another %s gives another', (_, changes) => {
  expect(fingerprint({ ...base, ...changes }, home)).not.toBe(fingerprint(base, home));
});

test.each<readonly [string, Partial<AgentSpec>]>([
  ['spelling of the home', { argv: ['pi', '/home/j/x'], workingDirectory: '/home/j/src' }],
  ['class', { class: 'other' }],
  ['lifecycle', { lifecycle: 'ephemeral', boot: false }],
  ['window', { window: { width: 1, height: 1 } }],
  ['wave', { wave: 9 }],
])('another %s gives the same', (_, changes) => {
  expect(fingerprint({ ...base, ...changes }, home)).toBe(fingerprint(base, home));
});

test('the order of variables does not matter, the path of a secret does', () => {
  const a = { kind: 'plain', value: '1' } as const;
  const secret = (fromFile: string) => ({ kind: 'secret', fromFile }) as const;
  const of = (env: AgentSpec['env']) => fingerprint({ ...base, env }, home);
  expect(of({ A: a, T: secret('~/t') })).toBe(of({ T: secret('/home/j/t'), A: a }));
  expect(of({ T: secret('~/t') })).not.toBe(of({ T: secret('~/u') }));
});
