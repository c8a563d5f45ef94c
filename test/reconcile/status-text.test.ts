/** The bytes of the status document: what JSON says of it, whatever was written before. */
import { beforeEach, expect, test } from 'vitest';
import { createMasking, type Masking } from '../../src/observe/masking.ts';
import type { AgentStatus, StatusDocument } from '../../src/reconcile/control/status.ts';
import { statusText } from '../../src/reconcile/state/status-text.ts';

let masking: Masking;
let rendered: object[];
let text: (document: StatusDocument) => Buffer;
beforeEach(() => {
  masking = createMasking();
  rendered = [];
  const render = (data: object): string => {
    rendered.push(data);
    return JSON.stringify(masking.data(data));
  };
  text = statusText({ render, secretsKnown: masking.known });
});

const agent = (message: string): AgentStatus => ({
  conditions: [
    { type: 'Ready', status: 'False', reason: 'Down', message, observed_generation: '', last_transition: '' },
  ],
  waiting: [],
  restarts: { recent: 0, limit: 5 },
  crash_loop: null,
});
const document = (agents: Readonly<Record<string, AgentStatus>>, stopped = '') =>
  ({ format_version: '1.0', kind: 'fleet.status', fleet: 'f', stopped, agents }) as unknown as StatusDocument;
const read = (of: StatusDocument): unknown => {
  const bytes = text(of).toString('utf8');
  expect(bytes.indexOf('\n')).toBe(bytes.length - 1);
  return JSON.parse(bytes);
};

test('are those of the whole document, also of none and of names that JSON escapes', () => {
  const strange = { 'a"\\': agent('"agents":{}'), é: agent('\n'), ['__proto__']: agent('') };
  for (const agents of [{}, { one: agent('x') }, strange]) {
    const whole = document(agents, '"agents":{');
    expect(read(whole)).toEqual(whole);
    expect(read(whole)).toEqual(whole);
  }
});

test('of an agent that is as before are not made again, those of the rest are', () => {
  const [one, two] = [agent('1'), agent('2')];
  read(document({ one, two }));
  rendered = [];
  const now = document({ one, two: agent('3') }, 'now');
  expect(read(now)).toEqual(now);
  expect(rendered).toHaveLength(2);
  expect(rendered).not.toContain(one);
  const gone = document({ one });
  expect(read(gone)).toEqual(gone);
});

test('hold no secret that was learnt since they were made', () => {
  const agents = { one: agent('token hunter2-hunter2') };
  expect(text(document(agents)).toString()).toContain('hunter2');
  masking.learn('hunter2-hunter2');
  expect(text(document(agents)).toString()).not.toContain('hunter2');
});
