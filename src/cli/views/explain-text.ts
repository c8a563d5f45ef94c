/** `fleet explain` for people. Pure. */
import type { ExplainDocument, ExplainRecord, Verdict } from './explain-records.ts';
import { type Paint, paintWith, printable } from './text.ts';

export function formatExplain(document: ExplainDocument, options: { readonly color: boolean }): string {
  const paint = paintWith(options.color);
  return document.records.map((record) => formatRecord(record, document.observed_at, paint)).join('\n');
}

function formatRecord(record: ExplainRecord, observedAt: string, paint: Paint): string {
  const read = record.facts.flatMap(({ from, read }) => [
    `  from ${from}:`,
    ...read.map((line) => `    ${printable(line)}`),
  ]);
  const verdicts =
    record.verdicts.length === 0
      ? [`  ${paint('green', 'as wanted')}`]
      : record.verdicts.flatMap((v) => formatVerdict(v, paint));
  const when = read.length === 0 ? [] : [paint('dim', `  read ${observedAt}`)];
  return `${[paint('bold', printable(record.address)), ...when, ...read, ...verdicts].join('\n')}\n`;
}

function formatVerdict(verdict: Verdict, paint: Paint): readonly string[] {
  return [
    `  ${paint('yellow', `${verdict.bucket}: ${printable(verdict.says)}`)}`,
    ...verdict.evidence.map((line) => `    because ${printable(line)}`),
    ...(verdict.source === null ? [] : [`    roster ${printable(verdict.source)}`]),
    ...(verdict.remedy === null ? [] : [`    next ${printable(verdict.remedy)}`]),
  ];
}
