/** Simulated time: what happens, in order. Milliseconds since the beginning, whatever the host's clocks say. */
export class Timeline {
  now = 0;
  private readonly heap: { readonly at: number; readonly order: number; readonly happen: () => void }[] = [];
  private order = 0;

  at(when: number, happen: () => void): void {
    const { heap } = this;
    this.order += 1;
    heap.push({ at: Math.max(when, this.now), order: this.order, happen });
    let child = heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.before(child, parent)) break;
      this.swap(child, parent);
      child = parent;
    }
  }
  after(ms: number, happen: () => void): void {
    this.at(this.now + ms, happen);
  }
  /** False where nothing is left to happen. */
  step(): boolean {
    const { heap } = this;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined) return false;
    if (heap.length > 0) {
      heap[0] = last;
      this.sink();
    }
    this.now = first.at;
    first.happen();
    return true;
  }
  private sink(): void {
    const { heap } = this;
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      let least = parent;
      if (left < heap.length && this.before(left, least)) least = left;
      if (left + 1 < heap.length && this.before(left + 1, least)) least = left + 1;
      if (least === parent) return;
      this.swap(parent, least);
      parent = least;
    }
  }
  private before(a: number, b: number): boolean {
    const [x, y] = [this.heap[a], this.heap[b]];
    if (x === undefined || y === undefined) return false;
    return x.at < y.at || (x.at === y.at && x.order < y.order);
  }
  private swap(a: number, b: number): void {
    const [x, y] = [this.heap[a], this.heap[b]];
    if (x === undefined || y === undefined) return;
    this.heap[a] = y;
    this.heap[b] = x;
  }
}
