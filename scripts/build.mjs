/**
 * `build.mjs [DIRECTORY]` builds what is published, into dist/ if not told otherwise:
 *   dist/fleet.cjs                 the command: a launcher of a few lines
 *   dist/fleet.bundle.cjs          what commands usually run, in one file, without dependencies
 *   dist/compiled/                 V8's compiled code for it, by command, for the build of Node that made it; others compile
 *   dist/deferred/                 what they rarely need, a file each
 *   dist/THIRD-PARTY-LICENSES.txt  of what is bundled
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/**
 * Of a build of Node, as the launcher tells it. V8 itself compares versions of V8 alone, which releases of Node patch and
 * share: code that was compiled by another release of Node 20 was taken, and crashed or ran other functions than were
 * written (seen with 20.19.0 to 20.20.1 and code of 20.20.2).
 */
const BUILD_OF_NODE = 'JSON.stringify([process.versions, process.arch, statSync(process.execPath).size])';
const thisBuild = JSON.stringify([process.versions, process.arch, statSync(process.execPath).size]);

/**
 * Start-up is most of what `fleet plan` costs, and compiling most of start-up. `vm.Script` checks by itself that the
 * cache was made from this code. The bundle is ASCII, and Latin-1 is the fastest way to read that.
 */
const LAUNCHER = `#!/usr/bin/env node
'use strict';
const { readFileSync, statSync } = require('node:fs');
const { Script } = require('node:vm');
const source = readFileSync(__dirname + '/fleet.bundle.cjs', 'latin1');
const { argv } = process;
const command = ['apply', 'ps', 'validate'].includes(argv[2]) ? argv[2] : 'plan';
let cachedData;
try {
  // Compiled code is for the very build of Node that made it.
  const madeBy = ${JSON.stringify(thisBuild)};
  if (${BUILD_OF_NODE} === madeBy) {
    cachedData = readFileSync(__dirname + '/compiled/' + command + '.cache');
  }
} catch {}
new Script(source, { filename: 'fleet.bundle.cjs', cachedData }).runInThisContext()(require);
`;

/**
 * What most commands never need and what takes long to start: zod, the yaml library, ajv, pino. In the bundle, an import
 * of one of these files loads it from dist/deferred/ when one of its functions is first called, so they export nothing
 * that an importer uses but functions.
 */
const DEFERRED = ['src/spec/schema-zod.ts', 'src/spec/yaml-library.ts', 'src/observe/check-document.ts'];
const DEFERRED_PACKAGE = 'pino';
/**
 * Commands that a plan has nothing of, each exported under its own name: the controller and its company, and what is done
 * once. They are one deferred file, with a copy of whatever they share with the others, and are handed plain data.
 */
const RARE = ['adopt', 'demo', 'events', 'forget', 'install', 'lock', 'pause', 'reset', 'resume', 'run', 'status'];
const RARE_COMMANDS = [...RARE, 'uninstall'];

/** `from`: how the directory of deferred files is called by the file that is built. */
const deferImports = (from) => ({
  name: 'defer-imports',
  setup: ({ onLoad, onResolve }) => {
    const pathOf = (source) => `${from}/${basename(source, '.ts')}.cjs`;
    onResolve({ filter: new RegExp(`^${DEFERRED_PACKAGE}$`) }, () => ({
      path: pathOf(DEFERRED_PACKAGE),
      external: true,
    }));
    onResolve({ filter: /^\.\/(?:deferred\/)?[a-z-]+\.cjs$/ }, ({ path }) => ({ path, external: true }));
    if (from !== '.') {
      // The only ones that src/cli/commands.ts imports when they are called.
      const rare = new RegExp(`^\\./commands/(?:${RARE_COMMANDS.join('|')})\\.ts$`);
      onResolve({ filter: rare }, ({ kind }) =>
        kind === 'dynamic-import' ? { path: pathOf('commands'), external: true } : undefined,
      );
    }
    onLoad({ filter: /\/src\/[^.]+\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const contents = source.replace(/^import \{([^}]*)\} from '(\.[^']+)';$/gm, (statement, names, from) => {
        const file = relative(root, join(dirname(path), from));
        return DEFERRED.includes(file) ? deferred(names, pathOf(file)) : statement;
      });
      return { contents, loader: 'ts' };
    });
  },
});

function deferred(names, path) {
  const values = names.split(',').map((name) => name.trim());
  return values
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => `const ${name} = (...args) => require('${path}').${name}(...args);`)
    .join('\n');
}

/** Builds beside `target` and then takes its place, so that a failed build leaves the last good one. */
async function buildInto(target) {
  const dist = `${target}.${process.pid}.new`;
  mkdirSync(dist, { recursive: true });
  try {
    const inputs = await bundle(dist);
    writeFileSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), licences(inputs));
    const args = [join(root, 'scripts/compile-cache.mjs'), dist];
    execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    writeFileSync(join(dist, 'fleet.cjs'), LAUNCHER);
    chmodSync(join(dist, 'fleet.cjs'), 0o755);
    rmSync(target, { recursive: true, force: true });
    renameSync(dist, target);
  } finally {
    rmSync(dist, { recursive: true, force: true });
  }
}

async function bundle(dist) {
  const options = {
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    charset: 'ascii',
    // Shorter names are a part of what V8 has to read at each start; bug reports give places in the source by the maps.
    minify: true,
    sourcemap: 'external',
    sourcesContent: false,
    legalComments: 'none',
    metafile: true,
    absWorkingDir: root,
    logLevel: 'warning',
  };
  const main = await build({
    ...options,
    entryPoints: ['src/cli/main.ts'],
    outfile: join(dist, 'fleet.bundle.cjs'),
    define: { FLEET_VERSION: JSON.stringify(version) },
    // A vm.Script has no import(): what is loaded when needed is a require of the same file's other part.
    supported: { 'dynamic-import': false },
    banner: { js: '(function(require){' },
    footer: { js: '})' },
    plugins: [deferImports('./deferred')],
  });
  const rare = await build({
    ...options,
    stdin: {
      contents: RARE_COMMANDS.map((name) => `export { ${name} } from './src/cli/commands/${name}.ts';`).join('\n'),
      resolveDir: root,
    },
    outfile: join(dist, 'deferred/commands.cjs'),
    define: { FLEET_VERSION: JSON.stringify(version) },
    plugins: [deferImports('.')],
  });
  const rest = await build({
    ...options,
    entryPoints: [...DEFERRED, DEFERRED_PACKAGE].map((source) => ({ in: source, out: basename(source, '.ts') })),
    outdir: join(dist, 'deferred'),
    outExtension: { '.js': '.cjs' },
  });
  return [main, rare, rest].flatMap(({ metafile }) => Object.keys(metafile.inputs));
}

/** The licence files of every package that a file of the bundle came from. A package without one fails the build. */
function licences(inputs) {
  const packages = [
    ...new Set(inputs.flatMap((input) => input.match(/^node_modules\/(?:@[^/]+\/)?[^/]+/) ?? [])),
  ].sort();
  const texts = packages.map((path) => {
    const about = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, path)).find((name) => /^(licen[cs]e|copying)/i.test(name));
    if (file === undefined) throw new Error(`${path} has no licence file: it must not be bundled`);
    const text = readFileSync(join(root, path, file), 'utf8').trim();
    return `${about.name} ${about.version} (${about.license})\n\n${text}\n`;
  });
  const line = `\n${'-'.repeat(78)}\n\n`;
  return `fleet.bundle.cjs and deferred/ contain the following packages.\n${line}${texts.join(line)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = process.argv[2] ?? join(root, 'dist');
  await buildInto(target);
  console.log(`built ${relative(process.cwd(), target)}/fleet.cjs ${version}`);
}
