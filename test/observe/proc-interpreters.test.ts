import { describe, expect, test } from 'vitest';
import { interpretedBy, interpreterOf } from '../../src/observe/proc/interpreters.ts';

function told(exe: string, command: string): string {
  const argv = command.split(' ');
  const interpreter = interpreterOf(exe, argv[0] ?? '');
  if (interpreter === null) return 'no interpreter';
  const read = interpretedBy(interpreter, argv);
  return read.kind === 'script' ? read.path : read.kind === 'module' ? `-m ${read.name}` : read.kind;
}

describe('the word that names the script', () => {
  test.each([
    ['node x.js', 'x.js'],
    ['node --import x script.js', 'script.js'],
    ['node --import=x script.js', 'script.js'],
    ['node -r dotenv/config --max-old-space-size=4096 a/b.js c.js', 'a/b.js'],
    ['node --enable-source-maps --inspect=0.0.0.0:9229 b.js', 'b.js'],
    ['node --env-file .env b.js', 'b.js'],
    ['node -e console.log(1) b.js', 'inline'],
    ['node -pe 1', 'inline'],
    ['node --eval=1 x', 'inline'],
    ['node -- b.js', 'b.js'],
    ['node inspect b.js', 'b.js'],
    ['node', 'none'],
    ['node -i', 'none'],
    ['node - b.js', 'none'],
  ])('%s', (command, expected) => expect(told('/usr/bin/node', command)).toBe(expected));

  test.each([
    ['python3 -X dev -u script.py', 'script.py'],
    ['python3 -Xdev -Wignore script.py', 'script.py'],
    ['python3 -m module arg', '-m module'],
    ['python3 -um pkg.mod', '-m pkg.mod'],
    ['python3 -mmod', '-m mod'],
    ['python3 -c pass x.py', 'inline'],
    ['python3 -Ic pass', 'inline'],
    ['python3 --check-hash-based-pycs never s.py', 's.py'],
    ['python3', 'none'],
  ])('%s', (command, expected) => expect(told('/usr/bin/python3.11', command)).toBe(expected));

  test.each([
    ['bash wrap.sh pi', 'wrap.sh'],
    ['-bash', 'none'],
    ['bash --norc -i', 'none'],
    ['bash -lc pi', 'inline'],
    ['bash -l -c pi', 'inline'],
    ['bash -eo pipefail wrap.sh', 'wrap.sh'],
    ['bash -o errexit +o nounset -x wrap.sh', 'wrap.sh'],
    ['bash --rcfile ~/.rc wrap.sh', 'wrap.sh'],
    ['bash --login wrap.sh', 'wrap.sh'],
  ])('%s', (command, expected) => expect(told('/usr/bin/bash', command)).toBe(expected));

  test.each([
    ['/usr/bin/bun', 'bun run --hot src/a.ts', 'src/a.ts'],
    ['/usr/bin/bun', 'bun --preload x a.ts', 'a.ts'],
    ['/usr/bin/deno', 'deno run -A --config deno.json a.ts', 'a.ts'],
    ['/usr/bin/perl', 'perl -w -I lib a.pl', 'a.pl'],
    ['/usr/bin/perl', 'perl -ne print', 'inline'],
    ['/usr/bin/ruby3.1', 'ruby -r json -W0 a.rb', 'a.rb'],
    ['/usr/bin/fish', 'fish -C x a.fish', 'a.fish'],
    ['/usr/bin/busybox', 'ash -c x', 'inline'],
    ['/usr/bin/busybox', 'sleep 3', 'no interpreter'],
    ['/opt/x/bin/pypy3.10', 'pypy3 a.py', 'a.py'],
    ['/usr/bin/vim', 'vim a.py', 'no interpreter'],
    ['/usr/bin/python-config', 'python-config x', 'no interpreter'],
  ])('%s: %s', (exe, command, expected) => expect(told(exe, command)).toBe(expected));
});
