/** The controller's counters on disk. What cannot be read is a failure: a latch or a backoff that may be there is one. */
import type { Contested, CrashLoop } from '../../diff/plan-holds.ts';
import { err, type Result } from '../../spec/result.ts';
import type { SteadyClock } from '../control/clock.ts';
import {
  type AgentCounters,
  type Counters,
  type FirstLook,
  NO_COUNTERS,
  type Repairs,
  type Retry,
  type Wait,
} from '../control/counters.ts';
import type { Failure } from '../outcome.ts';
import type { FileRead } from '../ports.ts';
import {
  isFields,
  isListOf,
  isNumber,
  isNumberOrNull,
  isRecordOf,
  isText,
  isTextOrNull,
  readDocument,
} from './document.ts';

/** Null where there are none. */
export function readCounters(path: string, read: (path: string) => FileRead): Result<Counters | null, Failure> {
  const document = readDocument(path, 'fleet.counters', read, (fields) => {
    const { clock, agents, retries, repairs, looks, waits, actions } = fields;
    if (!isClock(clock) || !isRecordOf(agents, isAgent) || !isRecordOf(retries, isRetry)) return null;
    if (!isRecordOf(repairs, isRepairs) || !isRecordOf(looks, isLook) || !isRecordOf(waits, isWait)) return null;
    if (!isListOf(actions, isNumber)) return null;
    return { ...NO_COUNTERS, clock, agents, retries, repairs, looks, waits, actions };
  });
  return document.ok || document.error.code !== 'state-unusable' ? document : err(withPrice(document.error));
}

/** Beginning anew has a price, which the remedy alone would not tell. */
function withPrice(error: Failure): Failure {
  return { ...error, detail: `${error.detail}; without it every crash loop, backoff and fight is forgotten` };
}

const isClock = (value: unknown): value is SteadyClock =>
  isFields(value) &&
  ['steady', 'wall', 'monotonic'].every((name) => isNumber(value[name])) &&
  isTextOrNull(value['boot_id']);

const isAgent = (value: unknown): value is AgentCounters =>
  isFields(value) &&
  isText(value['spec']) &&
  isListOf(value['restarts'], isNumber) &&
  ['streak', 'not_before', 'healthy_ms'].every((name) => isNumber(value[name])) &&
  isNumberOrNull(value['healthy_at']) &&
  (value['crash_loop'] === null || isCrashLoop(value['crash_loop']));

const isCrashLoop = (value: unknown): value is CrashLoop =>
  isFields(value) &&
  isText(value['spec']) &&
  isText(value['since']) &&
  isNumber(value['restarts']) &&
  isNumber(value['window']);

const isRetry = (value: unknown): value is Retry =>
  isFields(value) &&
  isTextOrNull(value['agent']) &&
  isNumber(value['streak']) &&
  isNumber(value['not_before']) &&
  isNumberOrNull(value['keep_until']);

const isRepairs = (value: unknown): value is Repairs =>
  isFields(value) &&
  isListOf(value['at'], isNumber) &&
  isText(value['roster']) &&
  (value['contested'] === null || isContested(value['contested']));

const isContested = (value: unknown): value is Contested =>
  isFields(value) &&
  ['address', 'path', 'roster', 'since'].every((name) => isText(value[name])) &&
  isNumber(value['times']);

const isLook = (value: unknown): value is FirstLook =>
  isFields(value) && isTextOrNull(value['agent']) && isText(value['what']) && isNumber(value['at']);

const isWait = (value: unknown): value is Wait =>
  isFields(value) &&
  isTextOrNull(value['agent']) &&
  isText(value['why']) &&
  isText(value['since']) &&
  isNumber(value['since_steady']);
