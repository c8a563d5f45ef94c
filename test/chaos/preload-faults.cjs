/**
 * Loaded into the real command beside preload.cjs: what it does to its own state (below ~/.local/state/fleet) is counted,
 * call by call, and one call can be made to fail or be the last.
 *
 * FLEET_FAULT_CALLS  file to which each call is appended: `CALL NAME`
 * FLEET_FAULT_AT     `N KIND`: the Nth call; KIND an errno, `kill` (before it), `torn` (killed when half of a
 *                    write is done), or `short` (half of a write is done, then ENOSPC)
 */
'use strict';
const fs = require('node:fs');

const { FLEET_FAULT_CALLS: log, FLEET_FAULT_AT: at = '' } = process.env;
const [wanted, kind] = at.split(' ');
for (const name of ['FLEET_FAULT_CALLS', 'FLEET_FAULT_AT']) delete process.env[name];

const STATE = '/.local/state/fleet';
const { appendFileSync, openSync, closeSync, writeSync } = fs;
/** Descriptors of state files and of the directories that hold them, with their paths. */
const state = new Map();
let count = 0;

/** Null where it is not about state. Files are written through the descriptor of their directory. */
function nameOf(path) {
  const [, fd, rest] = /^\/proc\/self\/fd\/(\d+)\/(.*)$/.exec(String(path)) ?? [];
  const full = fd === undefined ? String(path) : `${state.get(Number(fd)) ?? ''}/${rest}`;
  return full.includes(STATE) ? full.slice(full.indexOf(STATE)).replace(/fleet-\d+\.tmp$/, 'fleet-PID.tmp') : null;
}

function die() {
  process.kill(process.pid, 'SIGKILL');
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
}

function call(what, name, partly = () => {}) {
  count += 1;
  if (log) appendFileSync(log, `${what} ${name}\n`);
  if (String(count) !== wanted) return;
  if (kind === 'torn' || kind === 'short') partly();
  if (kind === 'kill' || kind === 'torn') die();
  const code = kind === 'short' ? 'ENOSPC' : kind;
  throw Object.assign(new Error(`${code}: injected, ${what} ${name}`), { code, syscall: what });
}

fs.openSync = (path, ...rest) => {
  const name = nameOf(path);
  if (name !== null) call('open', name);
  const fd = openSync(path, ...rest);
  if (name !== null) state.set(fd, name);
  return fd;
};
fs.closeSync = (fd) => {
  state.delete(fd);
  closeSync(fd);
};
fs.writeSync = (fd, data, ...rest) => {
  const name = state.get(fd);
  const half = () => writeSync(fd, Buffer.from(data).subarray(0, Buffer.byteLength(data) / 2), 0, undefined, rest[2]);
  if (name !== undefined) call('write', name, half);
  return writeSync(fd, data, ...rest);
};
for (const what of ['fsyncSync', 'fdatasyncSync', 'ftruncateSync', 'fchmodSync']) {
  const real = fs[what];
  fs[what] = (fd, ...rest) => {
    if (state.has(fd)) call(what.slice(0, -'Sync'.length), state.get(fd));
    return real(fd, ...rest);
  };
}
for (const what of ['symlinkSync', 'linkSync']) {
  const real = fs[what];
  fs[what] = (target, path, ...rest) => {
    const name = nameOf(path);
    if (name !== null) call(what.slice(0, -'Sync'.length), name);
    return real(target, path, ...rest);
  };
}
for (const what of ['renameSync', 'unlinkSync', 'mkdirSync']) {
  const real = fs[what];
  fs[what] = (path, ...rest) => {
    const name = nameOf(path);
    if (name !== null) call(what.slice(0, -'Sync'.length), name);
    return real(path, ...rest);
  };
}
