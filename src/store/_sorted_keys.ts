import { compareKeys } from "./key.ts";

/** A set of keys that is put in order only when somebody looks. */
export interface SortedKeys {
  /** Adds a key that is not in the set. */
  add(key: string): void;
  /** Removes a key that is in the set. */
  remove(key: string): void;
  /** The first key, in order, for which the test holds; it must hold for every key after that too. */
  first(test: (key: string) => boolean): string | undefined;
}

/** Makes an empty set. */
export function sortedKeys(): SortedKeys {
  const members = new Set<string>();
  let ordered: string[] = [];
  let added: string[] = [];
  let removed = false;

  const settle = () => {
    if (removed) ordered = ordered.filter((key) => members.has(key));
    removed = false;
    const fresh = added.filter((key) => members.has(key));
    added = [];
    // A few keys slip into their places; many are cheaper to sort along.
    if (fresh.length <= 16) fresh.forEach(insert);
    else ordered = [...new Set(ordered.concat(fresh))].sort(compareKeys);
  };
  const insert = (key: string) => {
    const at = search((other) => compareKeys(other, key) >= 0);
    if (ordered[at] !== key) ordered.splice(at, 0, key);
  };
  const search = (test: (key: string) => boolean) => {
    let low = 0, high = ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (test(ordered[middle]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return {
    add(key) {
      members.add(key);
      added.push(key);
    },
    remove(key) {
      members.delete(key);
      removed = true;
    },
    first(test) {
      if (removed || added.length > 0) settle();
      return ordered[search(test)];
    },
  };
}
