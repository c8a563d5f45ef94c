import { expect, test } from 'vitest';
import type { RunProgram } from '../../src/observe/run.ts';
import { serviceNotifier } from '../../src/reconcile/service/notify.ts';

function service(env: Readonly<Record<string, string>>, code = 0) {
  const sent: { readonly args: readonly string[]; readonly socket: string | undefined }[] = [];
  const failures: string[] = [];
  const clock = { now: 0 };
  const run: RunProgram = async (program, args, options) => {
    expect(program).toBe('systemd-notify');
    sent.push({ args, socket: options.env?.['NOTIFY_SOCKET'] });
    return { kind: 'exited', code, signal: null, stdout: '', stderr: 'no' };
  };
  const onFailure = (detail: string) => failures.push(detail);
  const notifier = serviceNotifier({ run, env, pid: 7, now: () => clock.now, onFailure });
  return { notifier, sent, failures, clock };
}

test('nothing is run where systemd does not listen', async () => {
  const { notifier, sent } = service({ WATCHDOG_USEC: '90000000' });
  await notifier.ready('up');
  await notifier.alive('up');
  expect([sent, notifier.listening, notifier.watchdogMs]).toEqual([[], false, null]);
});

test('readiness and the end go to the socket that systemd gave, each on one line', async () => {
  const { notifier, sent } = service({ NOTIFY_SOCKET: '/run/notify' });
  await notifier.ready('2 ready\nSTOPPING=1');
  await notifier.stopping('ending');
  expect(sent).toEqual([
    { args: ['READY=1', 'STATUS=2 ready STOPPING=1'], socket: '/run/notify' },
    { args: ['STOPPING=1', 'STATUS=ending'], socket: '/run/notify' },
  ]);
});

test('the watchdog is fed at most thrice in its time, however often something goes on', async () => {
  const { notifier, sent, clock } = service({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '90000000', WATCHDOG_PID: '7' });
  expect(notifier.watchdogMs).toBe(90_000);
  await notifier.ready('up');
  for (clock.now = 0; clock.now < 90_000; clock.now += 1_000) await notifier.alive('up');
  expect(sent.filter(({ args }) => args[0] === 'WATCHDOG=1')).toHaveLength(2);
  clock.now = 91_000;
  await notifier.alive('up');
  expect(sent.filter(({ args }) => args[0] === 'WATCHDOG=1')).toHaveLength(3);
});

test('the watchdog is fed in time however often the roster is read again', async () => {
  const { notifier, sent, clock } = service({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '90000000' });
  await notifier.ready('up');
  for (clock.now = 1_000; clock.now <= 120_000; clock.now += 1_000) {
    if (clock.now % 20_000 === 0) await notifier.reloading();
    await notifier.alive('up');
  }
  expect(sent.filter(({ args }) => args[0] === 'WATCHDOG=1')).toHaveLength(4);
});

test('a watchdog meant for another process is not ours to feed', async () => {
  const { notifier } = service({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '90000000', WATCHDOG_PID: '8' });
  expect(notifier.watchdogMs).toBe(null);
});

test('a message that could not be sent is told', async () => {
  const { notifier, failures } = service({ NOTIFY_SOCKET: '/n' }, 1);
  await notifier.ready('up');
  expect(failures).toEqual(['systemd-notify ended with 1: no']);
});
