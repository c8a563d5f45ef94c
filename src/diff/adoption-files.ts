/** Units, env files and unit files are taken over by the inventory's record alone: nothing of them changes. */
import type { FileObserved } from '../observe/state.ts';
import { argvFileOwner } from '../spec/argv-file.ts';
import { unitFileOwner } from '../spec/unit-file.ts';
import { type Adoption, isOurs, type Refusal, refuses, takes } from './adoption.ts';
import { fleetCommand } from './command-line.ts';
import { type PlanContext, unitOf } from './context.ts';
import { LAUNCHER_NAME } from './files.ts';
import { findOrphans, type Part } from './orphan.ts';
import { adoptedUnitFile, recordFor } from './owned.ts';
import { isMissing } from './unit-gate.ts';

export function adoptUnit(ctx: PlanContext, name: string): Adoption {
  const part: Part = { kind: 'unit', name };
  const agent = ctx.layout.agentOfUnit(name);
  if (!ctx.systemd || (agent === null && name !== ctx.layout.holderUnit)) {
    const why = ctx.systemd ? `${name} is no unit of layout ${ctx.layout.name}` : 'supervisor none has no units';
    return notTaken(ctx, part, 'absent', why);
  }
  const { units } = ctx.observed.sources;
  if (units.status === 'unknown') return unseen(ctx, part, `units: ${units.detail}`);
  const unit = unitOf(ctx, name);
  if (unit === undefined || isMissing(unit)) return notTaken(ctx, part, 'absent', `there is no unit ${name}`);
  const foreign = agent === null ? null : foreignAgent(ctx, part, agent);
  if (foreign !== null) return foreign;
  const template = ctx.files?.unit_files[agent === null ? ctx.layout.holderUnit : ctx.layout.agentTemplate];
  const owner = ctx.layout.ownsUnitFiles ? ownerOf(template) : ctx.roster.fleet;
  if (owner !== ctx.roster.fleet) {
    const file = agent === null ? ctx.layout.holderUnit : ctx.layout.agentTemplate;
    const evidence = [
      `its unit file ${file} ${owner === null ? 'bears no mark of any fleet' : `belongs to fleet ${owner}`}`,
    ];
    const remedy = `take that over first: ${fleetCommand(ctx.roster, 'adopt', `unit-file/${file}`)}`;
    return refuses(ctx, part, { guard: owner === null ? 'not-ours' : 'other-owner', evidence, remedy });
  }
  if (recordFor(ctx.memory, 'unit', name) !== null) return isOurs(ctx, part);
  const evidence = [`${name} is ${unit.active_state}, ${unit.unit_file_state || unit.load_state}`, RECORD_ONLY];
  return takes(ctx, part, { agent, evidence });
}

const RECORD_ONLY = 'the inventory gets its record; nothing of it changes';

const ownerOf = (file: FileObserved | undefined): string | null =>
  file?.state === 'present' ? unitFileOwner(file.content) : null;

export function adoptEnvFile(ctx: PlanContext, name: string): Adoption {
  const part: Part = { kind: 'env-file', name };
  const { files } = ctx.observed.sources;
  if (files.status === 'unknown') return unseen(ctx, part, `files: ${files.detail}`);
  const argv = name.endsWith('.argv');
  const agent = name === LAUNCHER_NAME ? null : argv ? name.slice(0, -'.argv'.length) : name;
  const seen =
    agent === null ? files.value.launcher : argv ? files.value.argv_files[agent] : files.value.env_files[agent];
  if (seen?.state === 'unknown') return unseen(ctx, part, seen.detail);
  if (seen?.state !== 'present') return notTaken(ctx, part, 'absent', `there is no file of ${name}`);
  const foreign = agent === null ? null : foreignAgent(ctx, part, agent);
  if (foreign !== null) return foreign;
  if (recordFor(ctx.memory, 'env-file', name) !== null) return isOurs(ctx, part);
  return takes(ctx, part, { agent, evidence: [RECORD_ONLY] });
}

/** Another fleet's, or nobody's that fleet knows of. Null where it may be taken. */
function foreignAgent(ctx: PlanContext, part: Part, agent: string): Adoption | null {
  const argv = ctx.files?.argv_files[agent];
  const owner = ctx.launcher && argv?.state === 'present' ? argvFileOwner(argv.content) : null;
  if (owner !== null && owner !== ctx.roster.fleet) {
    const evidence = [`${agent}.argv belongs to fleet ${owner}`];
    const remedy = `let go of it there first: fleet forget -f ROSTER-OF-${owner} ${agent}`;
    return refuses(ctx, part, { guard: 'other-owner', evidence, remedy });
  }
  const known = ctx.agentNamed(agent) !== undefined || findOrphans(ctx).some((o) => o.agent === agent && o.ours);
  // In layout mosaic nothing bears a mark: that it has the layout's name and a person's word is all there is.
  if (known || !ctx.launcher) return null;
  const evidence = [`${agent} is not on the roster, and nothing of it bears fleet ${ctx.roster.fleet}'s mark`];
  const remedy = `put ${agent} on the roster (${ctx.roster.path}) first, then: ${adopt(ctx, part)}`;
  return refuses(ctx, part, { guard: 'not-ours', evidence, remedy });
}

/**
 * Layout fleet: the next apply writes fleet's own over just this text. Layout mosaic: just this text is kept from now on.
 */
export function adoptUnitFile(ctx: PlanContext, name: string): Adoption {
  const part: Part = { kind: 'unit-file', name };
  const { holderUnit, agentTemplate, ownsUnitFiles } = ctx.layout;
  const instance = ctx.layout.agentOfUnit(name) !== null;
  if (!ctx.systemd || (name !== holderUnit && name !== agentTemplate && !(instance && !ownsUnitFiles))) {
    return notTaken(ctx, part, 'absent', `${name} is no unit file of layout ${ctx.layout.name}`);
  }
  const { files } = ctx.observed.sources;
  if (files.status === 'unknown') return unseen(ctx, part, `files: ${files.detail}`);
  const seen = files.value.unit_files[name];
  if (seen?.state === 'unknown') return unseen(ctx, part, seen.detail);
  if (seen?.state !== 'present') return notTaken(ctx, part, 'absent', `~/.config/systemd/user/${name} is not there`);
  if (seen.link_target !== null || seen.content.trim() === '') {
    const what = seen.link_target === null ? 'empty, which masks the unit' : `a link to ${seen.link_target}`;
    const evidence = [`it is ${what}: fleet writes neither`];
    const remedy = `put a file of its own there, then: ${adopt(ctx, part)}`;
    return refuses(ctx, part, { guard: 'masked', evidence, remedy });
  }
  return ownsUnitFiles ? adoptOwnUnitFile(ctx, part, seen.content) : adoptTheirUnitFile(ctx, part, seen.content);
}

function adoptOwnUnitFile(ctx: PlanContext, part: Part, content: string): Adoption {
  const owner = unitFileOwner(content);
  if (owner !== null && owner !== ctx.roster.fleet) {
    const evidence = [`${part.name} belongs to fleet ${owner}`];
    const remedy = `use \`fleet: ${owner}\` in ${ctx.roster.path}, or let go of it there: fleet forget -f ROSTER-OF-${owner} unit-file/${part.name}`;
    return refuses(ctx, part, { guard: 'other-owner', evidence, remedy });
  }
  const record = recordFor(ctx.memory, part.kind, part.name);
  if (record !== null && (owner !== null || record.content === content)) return isOurs(ctx, part);
  const evidence = [`the next apply replaces its ${content.split('\n').length} lines by fleet's own`];
  return takes(ctx, part, { agent: null, evidence: owner === null ? evidence : [RECORD_ONLY], content });
}

function adoptTheirUnitFile(ctx: PlanContext, part: Part, content: string): Adoption {
  const kept = adoptedUnitFile(ctx.memory, part.name);
  if (kept === content) return isOurs(ctx, part);
  const evidence = [
    `its ${content.split('\n').length} lines are kept as they are now: apply puts them back where they change`,
    ...(kept === null ? [] : ['other text was adopted before, and is given up']),
  ];
  return takes(ctx, part, { agent: ctx.layout.agentOfUnit(part.name), evidence, content });
}

const adopt = (ctx: PlanContext, { kind, name }: Part): string => fleetCommand(ctx.roster, 'adopt', `${kind}/${name}`);

function unseen(ctx: PlanContext, part: Part, detail: string): Adoption {
  const explain = fleetCommand(ctx.roster, 'explain', `${part.kind}/${part.name}`);
  const remedy = `mend that (${explain} shows it), then: ${adopt(ctx, part)}`;
  return refuses(ctx, part, { guard: 'unobserved', evidence: [detail], remedy });
}

function notTaken(ctx: PlanContext, part: Part, guard: Refusal['guard'], why: string): Adoption {
  return refuses(ctx, part, {
    guard,
    evidence: [why],
    remedy: `look at what there is: ${fleetCommand(ctx.roster, 'plan')}`,
  });
}
