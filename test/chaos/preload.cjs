/**
 * Loaded into the real command (`node --require`): gives it a home of a test's own, and lets it be killed by SIGKILL at a
 * moment told by its journal.
 *
 * FLEET_TEST_HOME    the home that the user database would tell
 * FLEET_TEST_CLOCK   how much faster its clock runs: what it waits for to settle takes less time
 * FLEET_TEST_MOMENTS file to which every moment is appended: `MOMENT ADDRESS ACTION`
 * FLEET_TEST_KILL    where to die: `MOMENT`, at the first such that FLEET_TEST_SPENT does not hold, or a number N, at the
 *                    Nth moment of any kind; then ` MS`: so much later than that
 * FLEET_TEST_SPENT   file of moments at which nobody dies any more, to which the one is appended at which this dies
 * FLEET_TEST_THROW   `MOMENT ADDRESS ACTION`: where an exception comes up
 *
 * Moments outside of any effect: `noted` (records alone are on the disk, the Nth time in this run: `noted - N`), and what
 * comes right after that, `doing - N`. Moments of an effect: `begun` (its begin line is on the disk), `doing` (its program was started, its signal sent, or
 * its file written but not renamed), `done` (before its made line is written), `made` (that is on the disk), `ended`;
 * of the apply as a whole: `closing` (inventory written, not renamed), `closed` (renamed, the journal still there).
 */
'use strict';
const fs = require('node:fs');
const os = require('node:os');

const { FLEET_TEST_HOME: home, FLEET_TEST_CLOCK: clock, FLEET_TEST_MOMENTS: log } = process.env;
const { FLEET_TEST_SPENT: spentFile, FLEET_TEST_THROW: thrown } = process.env;
const [where, delay] = (process.env.FLEET_TEST_KILL ?? '').split(' ');
for (const name of Object.keys(process.env)) {
  if (name.startsWith('FLEET_TEST_') || name === 'NODE_OPTIONS') delete process.env[name];
}

if (home) {
  const { userInfo } = os;
  os.userInfo = (options) => ({ ...userInfo(options), homedir: home });
}
if (clock) {
  const { now } = Date;
  const start = now();
  Date.now = () => start + Math.round((now() - start) * Number(clock));
}

const { appendFileSync, openSync, closeSync, writeSync, fdatasyncSync, renameSync, unlinkSync } = fs;
const { Process } = process.binding('process_wrap');
const { spawn } = Process.prototype;
const { kill } = process;

function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const spent = new Set(spentFile && fs.existsSync(spentFile) ? fs.readFileSync(spentFile, 'utf8').split('\n') : []);
let count = 0;

function moment(name, address = '-', action = '-') {
  const point = `${name} ${address} ${action}`;
  count += 1;
  if (log) appendFileSync(log, `${point}\n`);
  if (point === thrown) throw new Error('thrown by a test');
  if (where !== String(count) && (where !== name || spent.has(point))) return;
  if (spentFile) appendFileSync(spentFile, `${point}\n`);
  if (delay) sleep(Number(delay));
  kill(process.pid, 'SIGKILL');
  // The signal is on its way: nothing more may be done.
  for (;;) sleep(1000);
}

/** The change that was begun last: the first thing done after that is its effect. */
let begun = null;
let notes = 0;
const effect = () => {
  if (begun === null) return;
  const { address, action } = begun;
  begun = null;
  moment('doing', address, action);
};

/** Null for half a line, which another preload may have written. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const journals = new Map();
fs.openSync = (path, ...rest) => {
  const fd = openSync(path, ...rest);
  if (String(path).endsWith('/journal.jsonl')) journals.set(fd, []);
  return fd;
};
fs.closeSync = (fd) => {
  const lines = journals.get(fd);
  journals.delete(fd);
  closeSync(fd);
  for (const line of lines ?? []) if (line.phase === 'end') moment('ended', line.address, line.action);
};
fs.writeSync = (fd, data, ...rest) => {
  const lines = journals.get(fd);
  if (lines === undefined) return writeSync(fd, data, ...rest);
  for (const text of data.toString('utf8').split('\n')) {
    if (!text.startsWith('{"seq"')) continue;
    const line = parsed(text);
    if (line === null) continue;
    lines.push(line);
    if (line.phase === 'made') moment('done', line.address, line.action);
  }
  return writeSync(fd, data, ...rest);
};
fs.fdatasyncSync = (fd) => {
  fdatasyncSync(fd);
  for (const line of journals.get(fd) ?? []) {
    if (line.phase === 'begin') {
      begun = line;
      moment('begun', line.address, line.action);
    }
    if (line.phase === 'made') moment('made', line.address, line.action);
    if (line.phase === 'note') {
      notes += 1;
      begun = { address: '-', action: String(notes) };
      moment('noted', '-', String(notes));
    }
  }
};
fs.renameSync = (from, to) => {
  if (String(to).endsWith('/inventory.json')) {
    moment('closing');
    renameSync(from, to);
    moment('closed');
    return;
  }
  effect();
  renameSync(from, to);
};
fs.unlinkSync = (path) => {
  if (!String(path).endsWith('.tmp')) effect();
  unlinkSync(path);
};
// What node:child_process starts goes this way too.
Process.prototype.spawn = function (...args) {
  const errno = spawn.apply(this, args);
  effect();
  return errno;
};
process.kill = (...args) => {
  const done = kill.apply(process, args);
  effect();
  return done;
};
