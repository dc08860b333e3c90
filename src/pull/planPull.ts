import { TriageError } from '../base/errors.ts';
import type { ArchiveClient, FoundStudy, StudyKey } from '../pacs/archiveClient.ts';

/** What an archive is asked for. */
export interface PullQuestion {
  key: StudyKey;
  value: string;
  /** Studies without a CT too. */
  allModalities: boolean;
}

export interface PullPlan {
  wanted: FoundStudy[];
  /** Without a CT. */
  skipped: FoundStudy[];
  /** How many others the archive answered as well. */
  others: number;
}

/** The value as it is asked for. @throws TriageError `command-invalid` for one that could match more than itself */
export function askedValue(text: string): string {
  const value = text.trim();
  // An asterisk would have the whole archive sent (PS3.4 C.2.2.2.4).
  if (!/^[^*?\\\p{Cc}]{1,64}$/u.test(value))
    throw new TriageError('command-invalid', `"${text}" is no value to ask for: 1 to 64 characters, no * ? or \\.`);
  return value;
}

/** Finds what is to be fetched. @throws TriageError `pacs-unreachable` */
export async function planPull(
  { find }: Pick<ArchiveClient, 'find'>,
  { key, value, allModalities }: PullQuestion,
): Promise<PullPlan> {
  const { studies, others } = await find(key, value);
  const isWanted = ({ modalities }: FoundStudy): boolean =>
    allModalities || modalities.length === 0 || modalities.includes('CT');
  return { wanted: studies.filter(isWanted), skipped: studies.filter((study) => !isWanted(study)), others };
}
