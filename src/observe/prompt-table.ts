/**
 * Dialogs at which agents wait for a person, as data. A dialog is told by several of its lines, in order, at the bottom
 * of the screen: text that merely mentions one has the program's own input line below it.
 *
 * "seen": recorded from the program itself (test/corpus/panes). "reported": as people paste it in the programs' public
 * issue trackers. What is only a remark while the program runs on is not here: pi's "No models available" and claude's
 * "Not logged in · Run /login" stand beside an input line that works.
 */
export type PromptKind = 'trust' | 'login' | 'permission' | 'first-run';

export interface PromptPattern {
  /** Stable: `RUNTIME-KIND`, with a word where there are several. */
  readonly id: string;
  readonly kind: PromptKind;
  /** Each matches a line of its own, in this order; the first is the one that is shown to people. */
  readonly lines: readonly [RegExp, ...RegExp[]];
  /** How many lines may stand below the last of them; blank lines and frames do not count. */
  readonly below: number;
}

/** Options of a menu: a cursor, or none, before the text. */
const yes = /^[❯›>●•]?\s*1\. Yes\b/;

export const PROMPTS: Readonly<Record<string, readonly PromptPattern[]>> = {
  claude: [
    // seen: 2.1.112 (numbered, "Yes" first) and 2.1.330 (not numbered, "No, exit" first)
    {
      id: 'claude-trust',
      kind: 'trust',
      lines: [
        /^Quick safety check:|^Do you trust the files in this folder\?/,
        /Yes, (I trust|proceed)|No, exit/,
        /^Enter to confirm/,
      ],
      below: 1,
    },
    // reported: 2.1.x with --dangerously-skip-permissions
    {
      id: 'claude-bypass-permissions',
      kind: 'permission',
      lines: [
        /^WARNING: Claude Code running in Bypass Permissions mode/,
        /Yes, I accept|No, exit/,
        /^Enter to confirm/,
      ],
      below: 1,
    },
    // reported: 2.x; the older footer is part of the last option
    {
      id: 'claude-permission',
      kind: 'permission',
      lines: [/^(Do you want to|Would you like to) .*/, yes, /^Esc to cancel|No, and tell Claude .*\(esc\)$/],
      below: 1,
    },
    // reported: 2.x
    {
      id: 'claude-login',
      kind: 'login',
      lines: [/^Select login method:/, /Claude account with subscription/, /Anthropic Console account/],
      below: 3,
    },
    // reported: 2.x; an example of the colours stands below the menu
    {
      id: 'claude-first-run',
      kind: 'first-run',
      lines: [/^Choose the text style that looks best with your terminal/, /^[❯›>]?\s*1\. /],
      below: 16,
    },
  ],
  codex: [
    // reported: 0.114 to 0.155
    {
      id: 'codex-trust',
      kind: 'trust',
      lines: [/^Do you trust the contents of this directory\?/, /^[›>]?\s*1\. Yes, continue/, /2\. No, quit/],
      below: 2,
    },
    // reported: 0.142 to 0.160
    {
      id: 'codex-permission',
      kind: 'permission',
      lines: [/^(Would you like to|Do you want to|Allow command\?)/, yes, /No, and tell Codex what to do differently/],
      below: 1,
    },
    {
      id: 'codex-login',
      kind: 'login',
      lines: [/1\. Sign in with ChatGPT/, /2\. /, /^Press enter to continue/i],
      below: 1,
    },
    // reported: 0.15x, at start
    {
      id: 'codex-update',
      kind: 'first-run',
      lines: [/Update available/, /1\. Update now/, /^Press enter to continue/i],
      below: 1,
    },
  ],
  gemini: [
    // seen: 0.61
    {
      id: 'gemini-trust',
      kind: 'trust',
      lines: [/^Do you trust the files in this folder\?/, /1\. Trust folder/, /3\. Don't trust/],
      below: 2,
    },
    // seen: 0.61; terms of service and their address stand below
    {
      id: 'gemini-login',
      kind: 'login',
      lines: [
        /^How would you like to authenticate for this project\?/,
        /1\. Sign in with Google/,
        /^\(Use Enter to select\)/,
      ],
      below: 3,
    },
    // reported: 0.x; a line that says that it waits may stand below
    {
      id: 'gemini-permission',
      kind: 'permission',
      lines: [
        /^(Allow execution of|Apply this change\?|Do you want to)/,
        /1\. (Yes, allow|Allow) once/,
        /No, suggest changes \(esc\)/,
      ],
      below: 3,
    },
  ],
  qwen: [
    // seen: 0.15
    {
      id: 'qwen-login',
      kind: 'login',
      lines: [/^Select Authentication Method/, /^[›>] \S/, /^Terms of Services and Privacy Notice:/],
      below: 1,
    },
    // reported: qwen is a fork of gemini and asks in its words
    {
      id: 'qwen-permission',
      kind: 'permission',
      lines: [
        /^(Allow execution of|Apply this change\?|Do you want to)/,
        /1\. (Yes, allow|Allow) once/,
        /No, suggest changes \(esc\)/,
      ],
      below: 3,
    },
  ],
  copilot: [
    // reported: 1.0
    {
      id: 'copilot-trust',
      kind: 'trust',
      lines: [/^Do you trust the files in this folder\?/, yes, /3\. No \(Esc/],
      below: 2,
    },
    // reported: 0.x and 1.0
    {
      id: 'copilot-permission',
      kind: 'permission',
      lines: [/^Do you want to .*/, yes, /No, and tell Copilot what to do differently/],
      below: 2,
    },
  ],
  opencode: [
    // reported: 1.x
    {
      id: 'opencode-permission',
      kind: 'permission',
      lines: [/△ Permission required/, /Allow once\b.*Allow always\b.*Reject/],
      below: 2,
    },
  ],
  amp: [
    // seen
    {
      id: 'amp-login',
      kind: 'login',
      lines: [/^Would you like to log in to Amp\? \[\(y\)es, \(n\)o\]:$/],
      below: 0,
    },
  ],
  cline: [
    // seen: 3.0
    {
      id: 'cline-login',
      kind: 'login',
      lines: [/^Connect a model provider to get started\./, /Sign in with Cline/, /navigate, Enter to select/],
      below: 0,
    },
  ],
  auggie: [
    // seen: 0.36
    {
      id: 'auggie-login',
      kind: 'login',
      lines: [/^→ Login to continue/, /^Press return to open your browser/],
      below: 0,
    },
  ],
};
