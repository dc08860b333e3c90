/** Makes something of each entry of a list that may change, and keeps it for as long as the entry is there, with what it has learned. */
export function keptByEntry<Entry, Made>(
  entries: () => readonly Entry[],
  make: (entry: Entry) => Made,
): () => readonly Made[] {
  let known = new Map<string, Made>();
  return () => {
    known = new Map(
      entries().map((entry) => {
        const key = JSON.stringify(entry);
        return [key, known.get(key) ?? make(entry)];
      }),
    );
    return [...known.values()];
  };
}
