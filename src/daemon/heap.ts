/** A binary heap: the item that comes before all others is at hand, at the cost of a logarithm a change. */
export interface Heap<T> {
  push(item: T): void;
  peek(): T | undefined;
  pop(): T | undefined;
  readonly size: number;
}

export function createHeap<T>(isBefore: (a: T, b: T) => boolean): Heap<T> {
  const items: T[] = [];
  const comesFirst = (a: number, b: number): boolean => isBefore(items[a] as T, items[b] as T);
  const swap = (a: number, b: number): void => {
    [items[a], items[b]] = [items[b] as T, items[a] as T];
  };
  return {
    peek: () => items[0],
    get size() {
      return items.length;
    },
    push(item) {
      let at = items.push(item) - 1;
      for (let above = (at - 1) >> 1; at > 0 && comesFirst(at, above); above = (at - 1) >> 1) {
        swap(at, above);
        at = above;
      }
    },
    pop() {
      const first = items[0];
      const last = items.pop();
      if (items.length === 0 || last === undefined) return first;
      items[0] = last;
      for (let at = 0; ; ) {
        let next = at;
        for (const below of [2 * at + 1, 2 * at + 2]) if (below < items.length && comesFirst(below, next)) next = below;
        if (next === at) return first;
        swap(at, next);
        at = next;
      }
    },
  };
}
