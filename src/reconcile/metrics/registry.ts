/**
 * Numbers for Prometheus, kept and written as text. Own and small: of a client library the counters, gauges and
 * histograms of one process are all that would be used.
 * Source: Prometheus, "Exposition formats", text format 0.0.4.
 */

export type Labels = Readonly<Record<string, string>>;

export interface MetricSpec {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Of a histogram, ascending, without +Inf. */
  readonly buckets?: readonly number[];
}

export interface Registry {
  readonly add: (name: string, labels: Labels, by: number) => void;
  /** All samples of a gauge at once: what is not named is gone. */
  readonly set: (name: string, samples: readonly (readonly [Labels, number])[]) => void;
  readonly observe: (name: string, labels: Labels, value: number) => void;
  readonly render: () => string;
}

interface Histogram {
  readonly counts: number[];
  sum: number;
  count: number;
}

interface Metric {
  readonly spec: MetricSpec;
  /** By rendered labels, without braces. */
  readonly values: Map<string, number>;
  readonly histograms: Map<string, Histogram>;
}

/** A name that is not among `specs` is a bug: it throws. */
export function createRegistry(specs: readonly MetricSpec[]): Registry {
  const metrics = new Map<string, Metric>(
    specs.map((spec) => [spec.name, { spec, values: new Map(), histograms: new Map() }]),
  );
  const of = (name: string): Metric => {
    const metric = metrics.get(name);
    if (metric === undefined) throw new Error(`no metric is called ${name}`);
    return metric;
  };
  return {
    add: (name, labels, by) => {
      const { values } = of(name);
      const key = renderLabels(labels);
      values.set(key, (values.get(key) ?? 0) + by);
    },
    set: (name, samples) => {
      const { values } = of(name);
      values.clear();
      for (const [labels, value] of samples) values.set(renderLabels(labels), value);
    },
    observe: (name, labels, value) => {
      const { spec, histograms } = of(name);
      const buckets = spec.buckets ?? [];
      const key = renderLabels(labels);
      const histogram = histograms.get(key) ?? { counts: buckets.map(() => 0), sum: 0, count: 0 };
      histograms.set(key, histogram);
      for (const [i, limit] of buckets.entries())
        if (value <= limit) histogram.counts[i] = (histogram.counts[i] ?? 0) + 1;
      histogram.sum += value;
      histogram.count += 1;
    },
    render: () => [...metrics.values()].flatMap(renderMetric).join('\n').concat('\n'),
  };
}

function renderMetric({ spec, values, histograms }: Metric): readonly string[] {
  const { name, type, help } = spec;
  const head = [`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`, `# TYPE ${name} ${type}`];
  const plain = [...values].map(([labels, value]) => `${name}${braced(labels)} ${renderNumber(value)}`);
  const counted = [...histograms].flatMap(([labels, h]) => renderHistogram(spec, labels, h));
  return [...head, ...plain, ...counted];
}

function renderHistogram({ name, buckets = [] }: MetricSpec, labels: string, h: Histogram): readonly string[] {
  const le = (limit: string): string => braced([labels, `le="${limit}"`].filter((part) => part !== '').join(','));
  return [
    ...buckets.map((limit, i) => `${name}_bucket${le(String(limit))} ${h.counts[i] ?? 0}`),
    `${name}_bucket${le('+Inf')} ${h.count}`,
    `${name}_sum${braced(labels)} ${renderNumber(h.sum)}`,
    `${name}_count${braced(labels)} ${h.count}`,
  ];
}

const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`);

function renderLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeValue(value)}"`)
    .join(',');
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function renderNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return Number.isNaN(value) ? 'NaN' : String(value);
}
