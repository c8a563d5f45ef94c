/**
 * The runtimes fleet knows by itself, as data. How each looks in a pane, and why a displayed name proves nothing, is in
 * docs/observing.md; package names are those under which npm has (or had) the program, its per-platform packages included.
 */
import type { RuntimeSpec } from './model.ts';

interface BuiltIn {
  readonly exe: readonly string[];
  readonly packages: readonly string[];
  /** Packages that hold the native executable alone, one a platform: `NAME-linux-x64` and so on. */
  readonly platformPackages?: readonly string[];
}

const PLATFORMS = ['linux-x64', 'linux-arm64', 'linux-x64-musl', 'linux-arm64-musl'] as const;

const TABLE: Readonly<Record<string, BuiltIn>> = {
  claude: {
    // The installer of 2.x without npm names the executable after its version, in this directory.
    exe: ['claude', 'claude.exe', '~/.local/share/claude/versions/'],
    packages: ['@anthropic-ai/claude-code'],
    platformPackages: ['@anthropic-ai/claude-code'],
  },
  codex: { exe: ['codex'], packages: ['@openai/codex'], platformPackages: ['@openai/codex'] },
  gemini: { exe: ['gemini'], packages: ['@google/gemini-cli'] },
  opencode: { exe: ['opencode', 'opencode.exe'], packages: ['opencode-ai'], platformPackages: ['opencode'] },
  pi: { exe: ['pi'], packages: ['@mariozechner/pi-coding-agent', '@earendil-works/pi-coding-agent'] },
  amp: {
    exe: ['amp', 'amp.exe'],
    packages: ['@ampcode/cli', '@sourcegraph/amp'],
    platformPackages: ['@ampcode/cli'],
  },
  cline: { exe: ['cline'], packages: ['cline', '@cline/cli'], platformPackages: ['@cline/cli'] },
  copilot: { exe: ['copilot'], packages: ['@github/copilot'], platformPackages: ['@github/copilot'] },
  auggie: { exe: ['auggie'], packages: ['@augmentcode/auggie'] },
  qwen: { exe: ['qwen'], packages: ['@qwen-code/qwen-code'] },
};

/**
 * By name. `command` is the program's own name, looked up in the agent's PATH; `beats` is false until a hook that writes
 * heartbeats is installed. An `exe` that ends in a slash is a directory: whatever executable lies in it matches.
 */
export const BUILT_IN_RUNTIMES: Readonly<Record<string, RuntimeSpec>> = Object.fromEntries(
  Object.entries(TABLE).map(([name, { exe, packages, platformPackages = [] }]) => [
    name,
    {
      name,
      own: false,
      command: [name],
      match: {
        exe,
        script: [],
        packages: [...packages, ...platformPackages.flatMap((p) => PLATFORMS.map((platform) => `${p}-${platform}`))],
      },
      beats: false,
    },
  ]),
);
