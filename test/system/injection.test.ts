/** What fleet writes for systemd, read by systemd: hostile words and values arrive as they were meant, byte for byte. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatEnvFileValue, formatUnitText, formatUnitWord } from '../../src/spec/quoting.ts';
import { payloads } from '../chaos/payloads.ts';
import { bootHost, type Host } from './harness/host.ts';
import { describeOnHost } from './harness/on-host.ts';

const CANARY = '/run/canary';
/** NUL is refused everywhere; systemd takes no noncharacters (U+10FFFF): the unit then does not load, nothing is run. */
const TEXTS = payloads(`touch ${CANARY}`).filter((text) => !/[\0\u{10ffff}]/u.test(text));
const CHUNK = 60;

describeOnHost('units and env files on a booted host', () => {
  let host: Host;
  const put = (path: string, content: string): Promise<unknown> =>
    host.mustRoot(['sh', '-c', 'cat >"$1"', 'sh', path], content);

  beforeAll(async () => {
    host = await bootHost({ hostname: 'lab', users: [] });
    await put('/run/record', 'cat /proc/$$/cmdline >"$1.cmdline"\ncat /proc/$$/environ >"$1.environ"\n');
  });
  afterAll(() => host?.destroy());

  test.each(Array.from({ length: Math.ceil(TEXTS.length / CHUNK) }, (_, i) => i))(
    'chunk %d: words of ExecStart=, values of EnvironmentFile=, and Description=',
    async (chunk) => {
      const texts = TEXTS.slice(chunk * CHUNK, (chunk + 1) * CHUNK);
      const name = `fleet-injection-${chunk}`;
      const values = texts.map((text, i) => `K${i}=${formatEnvFileValue(text)}\n`).join('');
      await put(`/run/${name}.env`, values);
      const words = ['/bin/sh', '/run/record', `/run/${name}`, ...texts].map(formatUnitWord).join(' ');
      const [first = ''] = texts;
      await put(
        `/run/systemd/system/${name}.service`,
        `[Unit]\nDescription=${formatUnitText(first)}\n[Service]\nType=oneshot\nEnvironmentFile=/run/${name}.env\nExecStart=${words}\n`,
      );
      await host.mustRoot(['systemctl', 'daemon-reload']);
      await host.mustRoot(['systemctl', 'start', name]);
      const recorded = await host.mustRoot(['cat', `/run/${name}.cmdline`]);
      expect(recorded.split('\0').slice(3, -1)).toEqual(texts);
      const environ = (await host.mustRoot(['cat', `/run/${name}.environ`])).split('\0');
      for (const [i, text] of texts.entries()) expect(environ).toContain(`K${i}=${text}`);
    },
  );

  test('nothing of it was run', async () => {
    expect((await host.mustRoot(['sh', '-c', `ls ${CANARY} 2>/dev/null || echo none`])).trim()).toBe('none');
  });
});
