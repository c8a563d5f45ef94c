/**
 * The bytes of the status document. A controller writes it with every pass: what it says of an agent of which it says the same
 * as before is neither put into words nor encoded again, and of a thousand agents that is nearly all.
 */
import type { AgentStatus, StatusDocument } from '../control/status.ts';

export interface StatusTextInput {
  /** JSON without the values of secrets. */
  readonly render: (data: object) => string;
  /** How many secrets are known by now: what was rendered with fewer may hold the others. */
  readonly secretsKnown: () => number;
}

/** For one controller. The agents come last, and are the same objects while they are as they were (`buildStatus`). */
export function statusText({ render, secretsKnown }: StatusTextInput): (document: StatusDocument) => Buffer {
  let known = new WeakMap<AgentStatus, Buffer>();
  let last: { readonly of: StatusDocument['agents']; readonly bytes: Buffer } | null = null;
  let secrets = 0;
  const bytesOf = (agents: StatusDocument['agents']): Buffer => {
    const parts: Uint8Array[] = [];
    for (const [name, status] of Object.entries(agents)) {
      const text = known.get(status) ?? Buffer.from(`,${JSON.stringify(name)}:${render(status)}`);
      known.set(status, text);
      parts.push(text);
    }
    return Buffer.concat(parts).subarray(1);
  };
  return ({ agents, ...rest }) => {
    if (secretsKnown() !== secrets) {
      known = new WeakMap();
      last = null;
      secrets = secretsKnown();
    }
    if (last?.of !== agents) last = { of: agents, bytes: bytesOf(agents) };
    const head = Buffer.from(`${render(rest).slice(0, -1)},"agents":{`);
    return Buffer.concat([head, last.bytes, END]);
  };
}

const END = Buffer.from('}}\n');
