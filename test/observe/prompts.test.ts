import { describe, expect, test } from 'vitest';
import { PROMPTS } from '../../src/observe/prompt-table.ts';
import { findPrompt, hasPrompts } from '../../src/observe/prompts.ts';
import { recordedPanes } from './pane-world.ts';

const PANES = recordedPanes();

/** What each recorded screen shows, by variant; styles where it differs (a folder that was never trusted). */
const SHOWN: Readonly<Record<string, string | null>> = {
  amp: 'amp-login',
  auggie: 'auggie-login',
  'claude-330': null,
  'claude-js112': null,
  cline: 'cline-login',
  'codex-n20': null,
  gemini: 'gemini-login',
  opencode: null,
  'pi-0.73': null,
  'pi-0.74': null,
  'pi-0.87': null,
  'qwen-0.15': 'qwen-login',
  'claude-330 e npx X': 'claude-trust',
  'claude-js112 e npx X': 'claude-trust',
  'gemini e npx X': 'gemini-trust',
};

const lines = (text: string): readonly string[] => text.split('\n');

/** claude's own screen below what it has printed. */
const CLAUDE_INPUT = `
────────────────────────────────────────────────
❯
────────────────────────────────────────────────
  ? for shortcuts                ● high · /effort`;

describe('recorded screens', () => {
  const live = PANES.filter((p) => p.expect.verdict === 'runtime');
  test.each(live.map((p) => [`${p.label}: ${p.style}`, p] as const))('%s', (_, pane) => {
    const key = `${pane.label} ${pane.style}`;
    const shown = key in SHOWN ? SHOWN[key] : SHOWN[pane.label];
    expect(shown).not.toBeUndefined();
    expect(findPrompt(pane.expect.runtime ?? '', pane.screen)?.id ?? null).toBe(shown);
  });

  test("pi's warning that there are no models is no prompt: its input line works", () => {
    expect(hasPrompts('pi')).toBe(false);
    expect(hasPrompts('claude')).toBe(true);
    expect(hasPrompts('constructor')).toBe(false);
  });
});

describe('a dialog', () => {
  const TRUST = ` Quick safety check: Is this a project you created or one you trust?

 ❯ 1. Yes, I trust this folder
   2. No, exit

 Enter to confirm · Esc to cancel`;

  test('is shown by its question', () => {
    expect(findPrompt('claude', lines(TRUST))).toEqual({
      id: 'claude-trust',
      text: 'Quick safety check: Is this a project you created or one you trust?',
    });
  });

  test('is found above the blank tail of a full screen', () => {
    expect(findPrompt('claude', [...lines(TRUST), ...Array<string>(30).fill('')])?.id).toBe('claude-trust');
  });

  const prompting = PANES.filter((p) => findPrompt(p.expect.runtime ?? '', p.screen) !== null);
  test.each(prompting.map((p) => [`${p.label}: ${p.style}`, p] as const))(
    'merely quoted above an input line and a status line is none (%s)',
    (_, { expect: { runtime = '' }, screen }) => {
      expect(findPrompt(runtime, [...screen, ...lines(CLAUDE_INPUT)])).toBeNull();
    },
  );

  test.each([
    ['its question alone', 'Do you want to proceed?'],
    ['its last line alone', 'Enter to confirm · Esc to cancel'],
    [
      'a sentence that names it',
      'It asked "Quick safety check" and I chose "Yes, I trust this folder". Enter to confirm.',
    ],
    ['its lines in another order', '❯ 1. Yes, I trust this folder\nQuick safety check:\nEnter to confirm'],
    ['nothing', ''],
  ])('is not told from %s', (_, text) => expect(findPrompt('claude', lines(text))).toBeNull());

  test('of one runtime is not looked for in another', () => expect(findPrompt('codex', lines(TRUST))).toBeNull());

  test('that has been answered and scrolled up is none', () => {
    const later = Array.from({ length: 6 }, (_, i) => `● line ${i}`);
    expect(findPrompt('claude', [...lines(TRUST), ...later])).toBeNull();
  });
});

describe('reported dialogs', () => {
  test.each([
    [
      'claude',
      'claude-bypass-permissions',
      `  WARNING: Claude Code running in Bypass Permissions mode

  By proceeding, you accept all responsibility for actions taken while running in Bypass Permissions mode.

  ❯ No, exit
    Yes, I accept

  Enter to confirm · Esc to cancel`,
    ],
    [
      'claude',
      'claude-permission',
      ` Bash command

   bun test packages

 Do you want to proceed?
   1. Yes
 ❯ 2. Yes, and don't ask again for this command
   3. No

 Esc to cancel · Tab to amend`,
    ],
    [
      'claude',
      'claude-login',
      ` Select login method:

 ❯ 1. Claude account with subscription · Pro, Max, Team, or Enterprise
   2. Anthropic Console account · API usage billing
   3. 3rd-party platform · Amazon Bedrock, Microsoft Foundry, or Vertex AI`,
    ],
    [
      'claude',
      'claude-first-run',
      ` Let's get started.

 Choose the text style that looks best with your terminal
 To change this later, run /theme

 ❯ 1. Dark mode ✔
   2. Light mode

 ╌╌╌╌╌╌╌╌╌
  1  function greet() {
  2 -  console.log("Hello, World!");
  2 +  console.log("Hello, Claude!");
  3  }
 ╌╌╌╌╌╌╌╌╌`,
    ],
    [
      'codex',
      'codex-trust',
      `> You are in /home/u/work

  Do you trust the contents of this directory? Working with untrusted contents
  comes with higher risk of prompt injection.

› 1. Yes, continue
  2. No, quit

  Press enter to continue`,
    ],
    [
      'codex',
      'codex-permission',
      `  Would you like to run the following command?

  Reason: May I rerun the tests outside the sandbox?

  $ npm test

› 1. Yes, proceed (y)
  2. Yes, and don't ask again for commands that start with \`npm test\` (p)
  3. No, and tell Codex what to do differently (esc)

  Press enter to confirm or esc to cancel`,
    ],
    [
      'gemini',
      'gemini-permission',
      `╭──────────────────────────────────────╮
│ Action Required                      │
│ Allow execution of: 'find'?          │
│                                      │
│ ● 1. Allow once                      │
│   2. Allow for this session          │
│   3. No, suggest changes (esc)       │
╰──────────────────────────────────────╯

⠏ Waiting for user confirmation...`,
    ],
    [
      'copilot',
      'copilot-trust',
      `╭────────────────────────────────────────╮
│ Confirm folder trust                   │
│ ╭────────────────────────────────────╮ │
│ │ /home/u/work                       │ │
│ ╰────────────────────────────────────╯ │
│ Do you trust the files in this folder? │
│                                        │
│ ❯ 1. Yes                               │
│   2. Yes, and remember this folder     │
│   3. No (Esc)                          │
╰────────────────────────────────────────╯`,
    ],
    [
      'opencode',
      'opencode-permission',
      `  △ Permission required
    # Shell command
    $ git status --short

   Allow once   Allow always   Reject
   ⇆ select   enter confirm   esc reject`,
    ],
  ])('%s: %s', (runtime, id, screen) => expect(findPrompt(runtime, lines(screen))?.id).toBe(id));

  test('an answered one, with the input line below, is none', () => {
    const answered = `  Would you like to run the following command?
› 1. Yes, proceed (y)
  3. No, and tell Codex what to do differently (esc)
› Ask Codex to do anything
  gpt-5 medium · ~/repo`;
    expect(findPrompt('codex', lines(answered))).toBeNull();
  });
});

test('every pattern has an id of its own, with the runtime and its kind', () => {
  const patterns = Object.entries(PROMPTS).flatMap(([runtime, list]) => list.map((p) => ({ runtime, ...p })));
  expect(new Set(patterns.map((p) => p.id)).size).toBe(patterns.length);
  expect(patterns.filter((p) => !p.id.startsWith(`${p.runtime}-`))).toEqual([]);
});
