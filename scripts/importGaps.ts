/** The modules and packages that exist, and what the import rules mention. */
export interface ImportRuleCoverage {
  /** Paths of all modules. */
  modules: readonly string[];
  /** Those that dependency-cruiser has read. */
  read: ReadonlySet<string>;
  rooms: readonly { room: string; path: string }[];
  /** Names of the packages that package.json ships. */
  packages: readonly string[];
  homes: Readonly<Record<string, string | null>>;
}

/**
 * What the import rules would miss, a sentence for each: dependency-cruiser passes silently when it cannot parse a module, when no rule names a
 * folder, and when an imported package is mentioned by no rule.
 */
export function importGaps({ modules, read, rooms, packages, homes }: ImportRuleCoverage): string[] {
  const rulesFor = (path: string): number => rooms.filter((room) => new RegExp(room.path).test(path)).length;
  return [
    ...modules.filter((path) => !read.has(path)).map((path) => `${path} was not read by dependency-cruiser`),
    ...modules
      .filter((path) => rulesFor(path) !== 1)
      .map((path) => `${path} stands under ${rulesFor(path)} rules of .dependency-cruiser.cjs instead of one`),
    ...packages.filter((name) => !(name in homes)).map((name) => `${name} has no home in .dependency-cruiser.cjs`),
    ...Object.keys(homes)
      .filter((name) => !packages.includes(name))
      .map((name) => `${name} has a home in .dependency-cruiser.cjs and is not shipped`),
  ];
}
