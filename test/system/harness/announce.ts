/** Says once, before the run, that the tests on real hosts are skipped, and what they lack. */
import { whyNoHosts } from './requirements.ts';

export default function announce(): void {
  const why = whyNoHosts();
  if (why !== null) process.stderr.write(`\nTests on booted hosts are skipped: ${why}\n`);
}
