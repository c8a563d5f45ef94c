/**
 * What fleet remembers of its own effects on one host, for one fleet name:
 * `~/.local/state/fleet/HOST/FLEET/inventory.json`, directories 0700, file 0600, replaced atomically.
 * Reading never makes the directory: plan changes nothing.
 */
import { join } from 'node:path';
import { EMPTY_MEMORY, type PlanMemory, type RememberedSession } from '../diff/policy.ts';
import type { Diagnostic } from '../spec/diagnostics.ts';
import { err, ok, type Result } from '../spec/result.ts';
import { readWholeFile } from './files/read-file.ts';
import { parseInventory, renderInventory } from './inventory-format.ts';
import { type Failure, failure } from './outcome.ts';
import type { FileRead, FileWriter } from './ports.ts';

/** Hosts compare without regard to case, so their directory has one spelling. */
export function inventoryPath(home: string, host: string, fleet: string): string {
  return join(home, '.local/state/fleet', host.toLowerCase(), fleet, 'inventory.json');
}

/** No file is an empty memory. A file that cannot be understood is an error: to forget is a decision of people. */
export function readInventory(
  path: string,
  read: (path: string) => FileRead = readWholeFile,
): Result<PlanMemory, Diagnostic> {
  const file = read(path);
  switch (file.state) {
    case 'absent':
      return ok(EMPTY_MEMORY);
    case 'failed':
      return err(unusable(path, `${file.failure.summary}: ${file.failure.detail}`, file.failure.remedy));
    case 'present': {
      const parsed = parseInventory(file.content);
      return parsed.ok ? ok(parsed.value) : err(unusable(path, parsed.error.detail, parsed.error.remedy));
    }
  }
}

/**
 * Adds or replaces the records of these agents; those of others stay as the file has them now. Read, merge and write
 * are one synchronous stretch: two at once in one process cannot lose a record.
 */
export function recordSessions(
  files: FileWriter,
  path: string,
  sessions: readonly RememberedSession[],
): Result<null, Failure> {
  const before = readInventory(path, (p) => files.read(p));
  if (!before.ok) {
    return err(failure('inventory-unusable', before.error.summary, before.error.detail, before.error.remedy));
  }
  const merged: Record<string, RememberedSession> = { ...before.value.sessions };
  for (const session of sessions) merged[session.agent] = session;
  return files.write(path, renderInventory({ ...before.value, sessions: merged }), { always: 0o600 });
}

function unusable(path: string, detail: string, remedy: string | null): Diagnostic {
  return {
    code: 'inventory-unusable',
    summary: 'The inventory cannot be used',
    detail: `${path}: ${detail}`,
    remedy: remedy ?? `look at it; to forget what it holds: mv ${path} ${path}.bad`,
    position: null,
  };
}
