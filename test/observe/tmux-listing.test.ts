/** The parsers of tmux's answers, without tmux. */
import { describe, expect, it } from 'vitest';
import { isWhole, type KnownRows, knownRows, parseListing, renderListing } from '../../src/observe/tmux/listing.ts';
import { parseOwnOptions, parseScreens, renderScreens } from '../../src/observe/tmux/screens.ts';

const N = 'f00d';

/** A row as the script asks for it. */
const FORMAT = /-F '(.*)'$/.exec(renderListing(N).split('\n')[0] ?? '')?.[1] ?? '';
const FIELDS = [...FORMAT.matchAll(/#\{(@?\w+)\}/g)].map((match) => match[1] ?? '');

type Row = Readonly<Record<string, string>>;
const ROW: Row = {
  session_id: '$0',
  session_name: 'one',
  session_created: '1700000000',
  session_attached: '0',
  session_activity: '1700000001',
  window_id: '@0',
  window_index: '0',
  window_activity: '1700000002',
  window_panes: '1',
  pane_id: '%0',
  pane_pid: '100',
  pane_tty: '/dev/pts/1',
  pane_dead: '0',
  pane_in_mode: '0',
  alternate_on: '0',
  window_width: '80',
  window_height: '24',
  pane_current_command: 'sleep',
};

const row = (changes: Row = {}) => {
  const values: Row = { ...ROW, ...changes };
  return `${FORMAT.replace(/#\{(@?\w+)\}/g, (_, field: string) => values[field] ?? '')}\n`;
};
const END = `${N}I\n${N}S42${N}F1700000000${N}F3.3a${N}E\n${N}Z\n`;
const sessions = (text: string) => parseListing(text, N)?.sessions;

describe('a listing', () => {
  it('has its sessions and panes', () => {
    const text = row() + row({ session_id: '$1', session_name: 'two', pane_id: '%1', window_id: '@1' }) + END;
    const listing = parseListing(text, N);
    expect(listing).toMatchObject({ pid: 42, start: 1_700_000_000, version: '3.3a', marksInherited: false });
    expect(listing?.sessions.map((s) => [s.id, s.name, s.panes.map((p) => p.id)])).toEqual([
      ['$0', 'one', ['%0']],
      ['$1', 'two', ['%1']],
    ]);
  });

  it('may be empty, when it is whole', () => {
    expect(parseListing(END, N)?.sessions).toEqual([]);
    expect(isWhole(N)(END)).toBe(true);
    expect(isWhole(N)('')).toBe(false);
  });

  it('keeps newlines, tabs and everything else in names as they are', () => {
    for (const name of ['a\nb', '\n', `R$9`, 'E\n', '\t', 'Z\n', '']) {
      expect(sessions(row({ session_name: name, pane_title: name, pane_current_command: name }) + END)).toMatchObject([
        { name, panes: [{ title: name, current_command: name }] },
      ]);
    }
  });

  it('knows activity by the next best where tmux leaves it empty', () => {
    const text = row({ session_activity: '', window_activity: '' }) + END;
    expect(sessions(text)).toMatchObject([{ activity: 1_700_000_000, panes: [{ window_activity: null }] }]);
  });

  it('counts a window that is linked twice once', () => {
    expect(sessions(row() + row({ window_index: '1' }) + END)?.[0]?.panes).toHaveLength(1);
  });

  it.each([
    ['nothing', ''],
    ['no end', row() + END.slice(0, -2)],
    ['no beginning', row().slice(6) + END],
    ['something before it', `hello\n${row()}${END}`],
    ['something after it', `${row()}${END}hello\n`],
    ['something between rows', `${row()}hello\n${row({ session_id: '$1' })}${END}`],
    ['no server', row() + END.replace(/S.*E\n/, '')],
    ['two servers', row() + END + END],
    ['half a server', row() + END.replace('F3.3a', '')],
    ['a pid that is none', row() + END.replace('S42', 'S4x')],
    ['a field too many', row({ pane_title: `${N}F` }) + END],
    ['a row within a row', row({ pane_title: `${N}R` }) + END],
    ['a pane too few', row({ window_panes: '2' }) + END],
    ['a pane too many', row() + row({ pane_id: '%1' }) + END],
    ['a session without an id', row({ session_id: '' }) + END],
    ['a pane without an id', row({ pane_id: '' }) + END],
    ['no time of creation', row({ session_created: 'x' }) + END],
    ['no size', row({ window_width: '' }) + END],
    ['a space in what is no name', row({ pane_in_mode: '0 0' }) + END],
    ['a number too few', row().replace(' 80 ', ' ') + END],
  ])('with %s is none', (_, text) => {
    expect(parseListing(text, N)).toBeNull();
  });

  it('cut off anywhere is none', () => {
    const text = row() + row({ session_id: '$1', pane_id: '%1' }) + END;
    for (let length = 0; length < text.length; length++) {
      expect(parseListing(text.slice(0, length), N), `after ${length} characters`).toBeNull();
    }
  });

  it('of 500 panes takes well under 50 ms', () => {
    const rows = Array.from({ length: 500 }, (_, i) => row({ session_id: `$${i}`, pane_id: `%${i}` })).join('');
    const times = Array.from({ length: 5 }, () => {
      const began = performance.now();
      expect(sessions(rows + END)).toHaveLength(500);
      return performance.now() - began;
    });
    expect(Math.min(...times)).toBeLessThan(25);
  });
});

describe('a listing after another one', () => {
  const OTHER = 'beef';
  /** The same answer under another nonce, as each has one of its own. */
  const parse = (text: string, known: KnownRows, nonce = OTHER) =>
    parseListing(text.replaceAll(N, nonce), nonce, known);

  it('has the very sessions of before where every word is the same, and others where one is not', () => {
    const known = knownRows();
    const two = { session_id: '$1', session_name: 'two', pane_id: '%1', window_id: '@1' };
    const before = parse(row() + row(two) + END, known);
    const same = parse(row() + row(two) + END, known, 'cafe');
    expect(same?.sessions[0]).toBe(before?.sessions[0]);
    expect(same?.sessions[1]).toBe(before?.sessions[1]);
    for (const field of FIELDS.filter((name) => !/_id$|created|attached|panes|dead|width|height|index/.test(name))) {
      const after = parse(row() + row({ ...two, [field]: '7' }) + END, known);
      expect(after?.sessions[0], field).toBe(before?.sessions[0]);
      expect(after?.sessions[1], field).not.toBe(before?.sessions[1]);
      expect(after, field).toEqual(parseListing(row() + row({ ...two, [field]: '7' }) + END, N));
      parse(row() + row(two) + END, known);
    }
  });

  it('has a session anew that has a pane more, or one less', () => {
    const known = knownRows();
    const both = row({ window_panes: '2' }) + row({ window_panes: '2', pane_id: '%1' });
    expect(parse(both + END, known)?.sessions[0]?.panes).toHaveLength(2);
    expect(parse(row() + END, known)?.sessions[0]?.panes).toHaveLength(1);
    expect(parse(both + END, known)?.sessions[0]?.panes).toHaveLength(2);
  });

  it('has everything anew of another server: marks are of one server alone', () => {
    const known = knownRows();
    const marked = row({ '@fleet_mark': 'mosaic/one/42/$0/1700000000' });
    expect(parse(marked + END, known)?.sessions[0]?.mark).toMatchObject({ agent: 'one' });
    expect(parse(marked + END.replace('S42', 'S43'), known)?.sessions[0]?.mark).toBeNull();
  });

  it('that cannot be read is none, whatever the one before was', () => {
    const known = knownRows();
    parse(row() + END, known);
    expect(parse(row() + row({ window_width: '' }) + END, known)).toBeNull();
    expect(parse(row({ pane_title: '\0' }) + END, known)).toBeNull();
  });

  it('has the very sessions of before in whatever order, and beside others', () => {
    const known = knownRows();
    const rows = Array.from({ length: 6 }, (_, i) => row({ session_id: `$${i}`, pane_id: `%${i}` }));
    const inOrder = (...at: readonly number[]) => at.map((i) => rows[i]).join('') + END;
    const first = new Map(parse(inOrder(0, 1, 2, 3, 4), known)?.sessions.map((session) => [session.id, session]));
    for (const order of [
      [5, 0, 1, 2, 3, 4],
      [0, 1, 3, 4],
      [4, 3, 1, 0],
      [0, 4, 1, 5, 3],
    ]) {
      const now = parse(inOrder(...order), known)?.sessions ?? [];
      expect(now.map(({ id }) => id)).toEqual(order.map((i) => `$${i}`));
      for (const session of now)
        if (session.id !== '$5' && session.id !== '$2') expect(session).toBe(first.get(session.id));
    }
  });

  it('keeps no row of what is gone', () => {
    const known = knownRows();
    const many = Array.from({ length: 50 }, (_, i) => row({ session_id: `$${i}`, pane_id: `%${i}` })).join('');
    parse(many + END, known);
    expect([known.rows.length, known.sessions.size]).toEqual([50, 50]);
    parse(row() + END, known);
    expect([known.rows.length, known.sessions.size]).toEqual([1, 1]);
  });
});

describe('screens', () => {
  it('are told by pane, without blank lines at their end', () => {
    const text = `${N}P1\n one\n\n two\n\n\n${N}P2\n${N}P3\n\n\n${N}Z\n`;
    expect(parseScreens(text, N)).toEqual(
      new Map([
        ['%1', [' one', '', ' two']],
        ['%3', ['']],
      ]),
    );
    expect(parseScreens(text.slice(0, -2), N)).toBeNull();
    expect(parseScreens(`x${text}`, N)).toBeNull();
  });

  it('are asked for without a percent sign where tmux would take it for a time', () => {
    for (const line of renderScreens(['%5'], N).split('\n')) {
      if (line.startsWith('display-message')) expect(line).not.toContain('%');
    }
  });
});

describe('own options', () => {
  it('are told by session, absent ones as empty', () => {
    const piece = (id: string, option: string, value: string) => `${N}O${id}${option}\n${value}`;
    const text = `${piece('$0', '@fleet_mark', 'm\n')}${piece('$0', '@fleet_spec', '')}${piece('$1', '@fleet_mark', '')}${N}Z\n`;
    expect(parseOwnOptions(text, N)).toEqual(
      new Map([
        ['$0', { mark: 'm', spec: '', pane: '' }],
        ['$1', { mark: '', spec: '', pane: '' }],
      ]),
    );
    expect(parseOwnOptions('', N)).toBeNull();
  });
});
