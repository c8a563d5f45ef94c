/** Login sessions as logind makes them: a service with a PAM name opens one, its process is in the session's scope. */
import { until } from './execute.ts';
import type { Host } from './host.ts';

export interface Login {
  /** Shell script that moves itself into the session's control groups and becomes its arguments. */
  readonly joinScript: string;
  /** Logs out; waits until logind has no such session any more. */
  close(): Promise<void>;
}

let count = 0;

export async function openLogin(host: Host, user: string): Promise<Login> {
  count += 1;
  const unit = `test-login-${count}`;
  await host.mustRoot([
    'systemd-run',
    '--quiet',
    `--unit=${unit}`,
    '-p',
    'PAMName=login',
    '-p',
    `User=${user}`,
    'sleep',
    'infinity',
  ]);
  const session = await until(`${user} has a session`, async () => {
    const pid = (await host.mustRoot(['systemctl', 'show', '-P', 'MainPID', unit])).trim();
    return sessionOf((await host.root(['cat', `/proc/${pid}/cgroup`])).stdout);
  });
  await host.managerSettled(user);
  const files = ['', '/systemd', '/unified'].map((hierarchy) => `/sys/fs/cgroup${hierarchy}${session}/cgroup.procs`);
  const moves = files.map((file) => `[ ! -e ${file} ] || echo $$ >${file}`).join('; ');
  return {
    joinScript: `${moves}; exec "$@"`,
    async close() {
      await host.mustRoot(['systemctl', 'stop', unit]);
      await until(`${user}'s session is closed`, async () => {
        const sessions = await host.mustRoot(['loginctl', 'list-sessions', '--no-legend']);
        return sessions
          .split('\n')
          .some((line) => line.split(/\s+/).includes(session.replace(/^.*session-(.*)\.scope$/, '$1')))
          ? null
          : true;
      });
    },
  };
}

/** The path of the session's scope, null while the process is not in one yet. */
function sessionOf(cgroup: string): string | null {
  return /^\d+:(?:name=systemd)?:(\/user\.slice\/user-\d+\.slice\/session-[^/]+\.scope)$/m.exec(cgroup)?.[1] ?? null;
}
