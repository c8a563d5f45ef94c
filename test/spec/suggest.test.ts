import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/spec/suggest.ts';

const KEYS = ['runtime', 'working_directory', 'depends_on', 'holder_session', 'socket_name', 'socket', 'env', 'args'];

describe('the nearest right word', () => {
  it.each([
    ['runtim', 'runtime'],
    ['runitme', 'runtime'],
    ['dependsOn', 'depends_on'],
    ['depends-on', 'depends_on'],
    ['socketName', 'socket_name'],
    ['sockets', 'socket'],
    ['holder', 'holder_session'],
    ['directory', 'working_directory'],
    ['enf', 'env'],
  ])('for %s is %s', (word, right) => {
    expect(nearest(word, KEYS)).toBe(right);
  });

  it.each(['x', 'colour', '', 'dir', 'e'])('is none for %j', (word) => {
    expect(nearest(word, KEYS)).toBeNull();
  });

  it('is found in an instant for a word as long as a file', () => {
    expect(nearest('x'.repeat(1_000_000), KEYS)).toBeNull();
  });
});
