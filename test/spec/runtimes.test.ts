import { describe, expect, it } from 'vitest';
import { BUILT_IN_RUNTIMES } from '../../src/spec/runtimes.ts';

const owners = (key: 'exe' | 'packages', value: string): readonly string[] =>
  Object.values(BUILT_IN_RUNTIMES).flatMap(({ name, match }) => (match[key].includes(value) ? [name] : []));

describe('the built-in runtimes', () => {
  it('are these, each started by its own name and not beating by itself', () => {
    const names = ['claude', 'codex', 'gemini', 'opencode', 'pi', 'amp', 'cline', 'copilot', 'auggie', 'qwen'];
    expect(Object.keys(BUILT_IN_RUNTIMES)).toEqual(names);
    for (const name of names) {
      expect(BUILT_IN_RUNTIMES[name]).toMatchObject({ name, own: false, command: [name], beats: false });
    }
  });

  it.each([
    ['@anthropic-ai/claude-code', 'claude'],
    ['@openai/codex', 'codex'],
    ['@google/gemini-cli', 'gemini'],
    ['opencode-ai', 'opencode'],
    ['opencode-linux-x64', 'opencode'],
    ['@mariozechner/pi-coding-agent', 'pi'],
    ['@earendil-works/pi-coding-agent', 'pi'],
    ['@ampcode/cli', 'amp'],
    ['@cline/cli-linux-x64', 'cline'],
    ['@github/copilot', 'copilot'],
    ['@augmentcode/auggie', 'auggie'],
    ['@qwen-code/qwen-code', 'qwen'],
  ])('know the package %s as %s alone', (name, runtime) => {
    expect(owners('packages', name)).toEqual([runtime]);
  });

  it('do not take Node, npm or a shell for a runtime', () => {
    for (const name of ['node', 'npm', 'bash', 'sh', 'python3']) {
      expect(owners('exe', name)).toEqual([]);
      expect(owners('packages', name)).toEqual([]);
    }
  });
});
