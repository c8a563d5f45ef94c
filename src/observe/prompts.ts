/** Is an agent parked at a dialog? Pure: from the lines that `capture-pane -p` showed. */
import { PROMPTS, type PromptPattern } from './prompt-table.ts';

export interface FoundPrompt {
  readonly id: string;
  /** The dialog's question as it stands on the screen, at most 160 characters. */
  readonly text: string;
}

/** Only the screens of such runtimes need be captured. */
export function hasPrompts(runtime: string): boolean {
  return Object.hasOwn(PROMPTS, runtime);
}

/** `screen`: lines from the top; blank ones and frames do not matter. Null: no known dialog is open. */
export function findPrompt(runtime: string, screen: readonly string[]): FoundPrompt | null {
  if (!hasPrompts(runtime)) return null;
  const lines = screen.map(withoutFrame).filter((line) => line !== '');
  for (const pattern of PROMPTS[runtime] ?? []) {
    const question = findDialog(pattern, lines);
    if (question !== null) return { id: pattern.id, text: question.slice(0, 160) };
  }
  return null;
}

/** A dialog is never longer: what lies further up is history. */
const REACH = 40;

/** Its lines from the last one up, the last near the bottom of the screen and no input line below it. */
function findDialog(pattern: PromptPattern, lines: readonly string[]): string | null {
  let at = lines.length;
  const oldest = Math.max(0, lines.length - REACH);
  let last = true;
  let found: string | null = null;
  for (const wanted of [...pattern.lines].reverse()) {
    const lowest = last ? Math.max(oldest, lines.length - 1 - pattern.below) : oldest;
    const index = lastIndexOf(lines, wanted, lowest, at);
    if (index === -1) return null;
    if (last && lines.slice(index + 1).some(isInputLine)) return null;
    last = false;
    at = index;
    found = lines[index] ?? null;
  }
  return found;
}

function lastIndexOf(lines: readonly string[], wanted: RegExp, from: number, before: number): number {
  for (let i = before - 1; i >= from; i--) if (wanted.test(lines[i] ?? '')) return i;
  return -1;
}

/**
 * Where a person types: claude's and copilot's `❯`, codex's `›`, gemini's `>`. An option of a menu that stands below a
 * dialog's last known line has a number behind its cursor.
 */
function isInputLine(line: string): boolean {
  return /^[❯›>](?!\s*\d+\.)/.test(line);
}

/** Without the walls of boxes; a line of nothing but box drawing is blank. */
function withoutFrame(line: string): string {
  const text = line.replace(/^[\s│┃║▏|]+|[\s│┃║|]+$/g, '');
  return /^[─━═╌╍┄┈╭╮╰╯┌┐└┘├┤┬┴┼▀▄█▔▁_\s-]*$/.test(text) ? '' : text;
}
