/** An association and the studies of which it stored at least one object. */
export interface StudiesOfAssociation {
  studyInstanceUids: ReadonlySet<string>;
}

/**
 * Studies that are complete now that an association has ended. A sender that released has sent all it wanted to; one that was cut off will send the
 * rest again. A study that arrives on several associations is complete when the last of them ends.
 *
 * @param others every other association that is open, or that a dead receiver had open and that is not settled yet
 */
export function wholeStudies(
  ended: StudiesOfAssociation & { clean: boolean },
  others: Iterable<StudiesOfAssociation>,
): string[] {
  if (!ended.clean) return [];
  const underWay = new Set([...others].flatMap(({ studyInstanceUids }) => [...studyInstanceUids]));
  return [...ended.studyInstanceUids].filter((uid) => !underWay.has(uid));
}
