/** An association and the studies of which it stored something. */
export interface StudiesOfAssociation {
  studyInstanceUids: ReadonlySet<string>;
}

/**
 * Studies that are whole now that an association has ended. A sender that released has sent all it wanted to; one that was cut off comes again with the
 * rest. A study that comes on several associations is whole when the last of them ends.
 *
 * @param others every other association that is open, or that a receiver which died had open and that is not settled yet
 */
export function wholeStudies(
  ended: StudiesOfAssociation & { clean: boolean },
  others: Iterable<StudiesOfAssociation>,
): string[] {
  if (!ended.clean) return [];
  const underWay = new Set([...others].flatMap(({ studyInstanceUids }) => [...studyInstanceUids]));
  return [...ended.studyInstanceUids].filter((uid) => !underWay.has(uid));
}
