/** Who owns what, in layout mosaic on a booted host: adopted, pruned, protected, let go of; strangers beside it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blockedOf, driftOf, expectSuccess, type Fleet, fleetOn, unmanagedOf } from './harness/fleet.ts';
import {
  bootRepairedFleet,
  envFileOf,
  OPERATOR_LINES,
  panePids,
  ROSTER_TEXT,
  tmux,
  USER,
  unitOf,
} from './harness/mosaic.ts';
import { describeOnHost } from './harness/on-host.ts';

const ROSTER = `/home/${USER}/fleet.yaml`;
const GONE = 'dogfood-reviewer';
const KEPT = 'dogfood-coder';
const UNITS = `/home/${USER}/.config/systemd/user`;

describeOnHost('ownership', () => {
  let fleet: Fleet;
  let foreign: string;
  beforeAll(async () => {
    fleet = await bootRepairedFleet();
    await makeStrangers();
    foreign = await strangers();
  });
  afterAll(() => fleet?.host.destroy());

  const sh = (script: string): Promise<string> => fleet.host.mustAs(USER, ['sh', '-c', script]);

  /** Units of another service, one whose name begins as an agent's does, sessions that look like agents'. */
  const makeStrangers = async (): Promise<void> => {
    const service = '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=default.target\n';
    for (const name of ['mosaic-agent-x.service', 'mosaic-agents@.service', 'mine.service']) {
      await fleet.host.write(USER, `${UNITS}/${name}`, service);
    }
    const own = ['mosaic-agent-x', `mosaic-agents@${GONE}`, 'mine'];
    await sh(`systemctl --user daemon-reload && systemctl --user enable --now ${own.join(' ')}`);
    for (const name of [`${GONE}-old`, 'dogfood', '*', '$1', '%0']) {
      await tmux(fleet.host, ['new-session', '-d', '-s', name, 'exec sleep infinity']);
    }
    await fleet.host.mustAs(USER, ['tmux', '-L', 'other', 'new-session', '-d', '-s', GONE, 'exec sleep infinity']);
    await tmux(fleet.host, ['set-option', '-g', '@fleet_mark', `mosaic/${GONE}/1/$1/1`]);
  };

  const strangers = async (): Promise<string> => {
    const units = `systemctl --user show -p Id,InvocationID,ActiveState,UnitFileState mosaic-agent-x mosaic-agents@${GONE} mine`;
    const format = '#{pid} #{start_time} #{session_id} #{session_created} #{session_name} #{pane_pid}';
    const here = (await tmux(fleet.host, ['list-panes', '-a', '-F', format]))
      .split('\n')
      .filter((line) => !/ (_holder|canary-pi|dogfood-(coder|orchestrator|reviewer)) \d+$/.test(line));
    const other = await fleet.host.mustAs(USER, ['tmux', '-L', 'other', 'list-panes', '-a', '-F', format]);
    return [await sh(units), ...here, other].join('\n');
  };

  const roster = (edit: (text: string) => string): Promise<void> => fleet.host.write(USER, ROSTER, edit(ROSTER_TEXT));
  const without = (text: string): string => text.replace(`  - { name: ${GONE}, runtime: dogfood }\n`, '');

  test('an agent that fleet neither started nor adopted is listed, and its unit is not stopped', async () => {
    await roster(without);
    const { plan, code } = await fleet.plan(['--prune']);
    expect(driftOf(plan)).toEqual([]);
    expect(code).toBe(4);
    expect(blockedOf(plan)).toEqual([`session/${GONE} orphan-session not-ours`]);
    expect((await fleet.apply(['--prune'])).code).toBe(4);
    expect(Object.keys(await panePids(fleet.host))).toContain(GONE);
    expect(await strangers()).toBe(foreign);
  });

  test('adopted: nothing of it is restarted; protected, it stays; let go of, it stays', async () => {
    const before = await panePids(fleet.host);
    expectSuccess(await fleet.run(['adopt', '-y', '-f', ROSTER, GONE]));
    expect(await panePids(fleet.host)).toEqual(before);
    await roster((text) => text.replace(`${GONE}, runtime`, `${GONE}, protect: true, runtime`));
    expectSuccess(await fleet.apply());
    await roster(without);
    expect(blockedOf((await fleet.plan(['--prune'])).plan)).toEqual([`session/${GONE} orphan-session protect`]);
    expectSuccess(await fleet.run(['forget', '-f', ROSTER, GONE]));
    expectSuccess(await fleet.apply(['--prune']));
    expect(await panePids(fleet.host)).toEqual(before);
    expect(await strangers()).toBe(foreign);
  });

  test('pruned: session, unit, boot, our keys of the env file; the operator’s lines and all strangers stay', async () => {
    expectSuccess(await fleet.run(['adopt', '-y', '-f', ROSTER, GONE]));
    const kept = (await panePids(fleet.host))[KEPT];
    const { plan } = await fleet.plan(['--prune', '--even-if-busy']);
    expect(plan.changes.map(({ action, address }) => `${action} ${address.split('/').slice(2).join('/')}`)).toEqual([
      `stop session/${GONE}`,
      `stop unit/${unitOf(GONE)}`,
      `disable unit/${unitOf(GONE)}`,
      `destroy env-file/${GONE}`,
    ]);
    expectSuccess(await fleet.apply(['--prune', '--even-if-busy']));
    expect(await fleet.host.mustAs(USER, ['cat', envFileOf(GONE)])).toBe(OPERATOR_LINES);
    expect((await panePids(fleet.host))[KEPT]).toBe(kept);
    expect(Object.keys(await panePids(fleet.host))).not.toContain(GONE);
    expect(unmanagedOf((await fleet.plan(['--prune'])).plan)).not.toContain(`unit/${unitOf(GONE)}`);
    expect(await strangers()).toBe(foreign);
  });

  test('an adopted unit file is kept at its text, and put back', async () => {
    const file = 'mosaic-agent@.service';
    const text = await sh(`cat ${UNITS}/${file}`);
    expectSuccess(await fleet.run(['adopt', '-y', '-f', ROSTER, `unit-file/${file}`]));
    await sh(`echo '# an update' >> ${UNITS}/${file} && systemctl --user daemon-reload`);
    expect(driftOf((await fleet.plan()).plan)).toEqual([
      `unit-file/${file} daemon-reload-needed`,
      `unit-file/${file} unit-file-changed`,
    ]);
    expectSuccess(await fleet.apply());
    expect(await sh(`cat ${UNITS}/${file}`)).toBe(text);
    expect(await strangers()).toBe(foreign);
    await fleetOn(fleet.host, USER, ROSTER).expectClean();
  });
});
