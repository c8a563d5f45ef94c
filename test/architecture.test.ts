/** Holds docs/architecture.md's rules on imports, fences, purity and sizes by reading the source. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

interface Import {
  readonly from: string;
  readonly typesOnly: boolean;
  /** Loaded by `import()`, when it is needed. */
  readonly lazy: boolean;
}

interface Module {
  /** From the repository's root. */
  readonly path: string;
  readonly room: string;
  readonly text: string;
  /** Without comments, strings and regular expressions that hold them. */
  readonly code: string;
  readonly imports: readonly Import[];
}

const modules = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readModule(join('src', name)));

function readModule(path: string): Module {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const bare = text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/(^|\s)\/\/.*$/gm, '');
  const imports: Import[] = [];
  for (const [statement, , clause = '', from = ''] of bare.matchAll(
    /^(import|export)\b([^;'"]*?\sfrom\s)?\s*'([^']+)'/gm,
  )) {
    const names = /\{([^}]*)\}/
      .exec(clause)?.[1]
      ?.split(',')
      .map((n) => n.trim())
      .filter((n) => n !== '');
    const onlyTypes =
      names !== undefined &&
      names.length > 0 &&
      names.every((n) => n.startsWith('type ')) &&
      !/^[^{]*\w+\s*,\s*\{/.test(clause);
    imports.push({
      from: resolve(path, from),
      typesOnly: /^(import|export)\s+type\b/.test(statement) || onlyTypes,
      lazy: false,
    });
  }
  for (const [, from = ''] of bare.matchAll(/\bimport\('([^']+)'\)/g)) {
    imports.push({ from: resolve(path, from), typesOnly: false, lazy: true });
  }
  const code = bare.replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
  return { path, room: path.split('/')[1] ?? '', text, code, imports };
}

function resolve(path: string, from: string): string {
  return from.startsWith('.') ? join(dirname(path), from) : from;
}

const roomOf = (path: string): string | null => (path.startsWith('src/') ? (path.split('/')[1] ?? null) : null);
const packageOf = (from: string): string | null => {
  if (from.startsWith('src/') || from.startsWith('node:')) return null;
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/');
};
const offenders = (where: readonly Module[], offends: (m: Module) => readonly string[]): readonly string[] =>
  where.flatMap((m) => offends(m).map((what) => `${m.path}: ${what}`));
const inRooms = (...rooms: readonly string[]): readonly Module[] => modules.filter((m) => rooms.includes(m.room));

test('there is something to check', () => {
  expect(modules.length).toBeGreaterThan(50);
  expect(modules.flatMap((m) => m.imports).length).toBeGreaterThan(100);
});

describe('rooms import only what architecture.md allows', () => {
  const ALLOWED: Readonly<Record<string, readonly string[]>> = {
    spec: [],
    observe: ['spec'],
    diff: ['spec'],
    reconcile: ['spec', 'observe', 'diff'],
    operate: ['spec', 'observe'],
    cli: ['spec', 'observe', 'diff', 'reconcile', 'operate'],
  };

  test('every file is in a known room', () => {
    expect(modules.filter((m) => !Object.hasOwn(ALLOWED, m.room)).map((m) => m.path)).toEqual([]);
  });

  test.each(Object.entries(ALLOWED))('%s imports of ours only %j', (room, allowed) => {
    const found = offenders(inRooms(room), (m) =>
      m.imports
        .filter(({ from, typesOnly }) => {
          const other = roomOf(from);
          if (other === null || other === room || allowed.includes(other)) return false;
          // diff takes the types of the observation, and nothing else of that room.
          return !(room === 'diff' && from === 'src/observe/state.ts' && typesOnly);
        })
        .map((i) => i.from),
    );
    expect(found).toEqual([]);
  });

  test('no file is imported in a circle', () => {
    const edges = new Map(
      modules.map((m) => [m.path, m.imports.filter((i) => !i.typesOnly && !i.lazy).map((i) => i.from)]),
    );
    const done = new Set<string>();
    const circles: string[] = [];
    const walk = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
        return;
      }
      if (done.has(path)) return;
      for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
      done.add(path);
    };
    for (const m of modules) walk(m.path, []);
    expect(circles).toEqual([]);
  });
});

describe('packages stay behind their fences', () => {
  const FENCES: Readonly<Record<string, (m: Module) => boolean>> = {
    yaml: (m) => m.room === 'spec',
    zod: (m) => m.room === 'spec',
    'fast-json-patch': (m) => m.room === 'diff',
    pino: (m) => m.room === 'cli',
    ajv: (m) => m.path === 'src/observe/check-document.ts',
  };

  test('only known packages are imported, each only where it belongs', () => {
    const found = offenders(modules, (m) =>
      m.imports.flatMap(({ from, typesOnly }) => {
        const name = packageOf(from);
        if (name === null || FENCES[name]?.(m) === true || (name === 'pino' && typesOnly)) return [];
        return [name];
      }),
    );
    expect(found).toEqual([]);
  });

  test('zod is taken in its small form, which starts faster', () => {
    expect(offenders(modules, (m) => m.imports.map((i) => i.from).filter((f) => f === 'zod'))).toEqual([]);
  });

  test('no module but the port runs programs', () => {
    const others = modules.filter((m) => m.path !== 'src/observe/child.ts');
    const named = (m: Module) => [...m.text.matchAll(/nodeModule\('([^']+)'\)/g)].map((match) => match[1] ?? '');
    const found = offenders(others, (m) =>
      [...m.imports.map((i) => i.from), ...named(m)].filter((f) => f === 'node:child_process'),
    );
    expect(found.filter((f) => !f.startsWith('src/spec/node-own.ts'))).toEqual([]);
    const users = modules.filter((m) => m.imports.some((i) => i.from === 'src/observe/child.ts' && !i.typesOnly));
    expect(users.map((m) => m.path)).toEqual(['src/observe/run.ts']);
  });

  test("what lies below Node's modules is reached in one place", () => {
    const others = modules.filter((m) => m.path !== 'src/spec/node-own.ts');
    expect(offenders(others, (m) => m.code.match(/\bprocess\b.*\bbinding\b|\bgetBuiltinModule\b/g) ?? [])).toEqual([]);
  });
});

describe('spec and diff are pure', () => {
  const pure = inRooms('spec', 'diff').filter(
    (m) => m.path !== 'src/spec/load.ts' && m.path !== 'src/spec/node-own.ts',
  );
  const HARMLESS = ['node:crypto', 'node:path'];

  test('they import nothing that reads or writes', () => {
    const found = offenders(pure, (m) =>
      m.imports.map((i) => i.from).filter((f) => f.startsWith('node:') && !HARMLESS.includes(f)),
    );
    expect(found).toEqual([]);
  });

  test.each([
    ['the clock', /\bDate\.now\b|\bnew Date\(\)|\bperformance\b/],
    ['chance', /\bMath\.random\b|\brandom(?:Bytes|UUID|Int)\b/],
    ['timers', /\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
    ['async', /\basync\b|\bawait\b|\bPromise\b/],
    ['the process', /\bprocess\.\w|\bglobalThis\b/],
  ])('they do not use %s', (_what, pattern) => {
    expect(offenders(pure, (m) => m.code.match(pattern) ?? [])).toEqual([]);
  });
});

describe('the process boundary is cli/main.ts', () => {
  const others = modules.filter((m) => m.path !== 'src/cli/main.ts');

  test.each([
    ['writes to the console', /\bconsole\./],
    ['writes to a standard stream', /\bprocess\.std(?:in|out|err)\b/],
    ['ends the process', /\bprocess\.(?:exit|exitCode|abort)\b/],
  ])('nothing else %s', (_what, pattern) => {
    expect(offenders(others, (m) => m.code.match(pattern) ?? [])).toEqual([]);
  });

  test('nothing else takes signals', () => {
    expect(
      offenders(others, (m) => m.text.match(/process\.(?:on|once)\('(?:SIG\w+|uncaught\w+|unhandled\w+)/) ?? []),
    ).toEqual([]);
  });
});

describe('sizes and words', () => {
  const lines = (m: Module): number => m.text.trimEnd().split('\n').length;

  test('no file is longer than 300 lines without a reason at its top, and half of them not longer than 120', () => {
    const reasoned = (m: Module): boolean => /^\/\*\*(?:(?!\*\/)[\s\S])*\blonger than 300 lines because\b/.test(m.text);
    expect(modules.filter((m) => lines(m) > 300 && !reasoned(m)).map((m) => `${m.path}: ${lines(m)}`)).toEqual([]);
    const sorted = modules.map(lines).sort((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(120);
  });

  test('no top-level function is longer than 80 lines', () => {
    const found = offenders(modules, (m) => {
      const functions = m.text.matchAll(
        /^(?:export )?(?:async )?(?:function\*? (\w+)|const (\w+)[^\n]*=> \{$)[\s\S]*?^\}/gm,
      );
      return [...functions]
        .filter(([body]) => body.split('\n').length > 80)
        .map(([, name, constant]) => name ?? constant ?? '');
    });
    expect(found).toEqual([]);
  });

  test('files are in kebab-case, and none is a bag of things', () => {
    const names = modules.map((m) => relative('src', m.path));
    expect(names.filter((name) => !/^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)+[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/.test(name))).toEqual(
      [],
    );
    expect(names.filter((name) => /\b(?:utils?|helpers?|misc)\b/.test(name))).toEqual([]);
  });

  test('no function is called a handling', () => {
    expect(offenders(modules, (m) => m.code.match(/\bfunction handle[A-Z]\w*/g) ?? [])).toEqual([]);
  });
});
