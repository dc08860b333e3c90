import type { CaseManifest, PatientIdentity } from './case.ts';

/** An object by its path; `cameAs` as in `StoredInstance`. */
interface NamedObject {
  path: string;
  cameAs?: PatientIdentity;
}

/**
 * The object whose patient, study and request attributes the case and its report take: the first analysed slice that came under the patient of the case, else
 * another object that did. It is the first slice wherever nobody was renamed. Undefined when no object came under that patient.
 */
export function namingObject(
  manifest: Pick<CaseManifest, 'slices'>,
  objects: readonly NamedObject[],
): { path: string; frameNumber?: number } | undefined {
  const renamed = new Set(objects.filter(({ cameAs }) => cameAs !== undefined).map(({ path }) => path));
  return manifest.slices.find(({ path }) => !renamed.has(path)) ?? objects.find(({ cameAs }) => cameAs === undefined);
}
