import type { InstanceHeader } from './case.ts';

/** How many attributes a header states: of two versions of one image, the archive's usually states more than the scanner's. */
export function filledAttributes(header: InstanceHeader): number {
  return Object.values(header).filter((value) => value !== null && value !== '' && !isEmptyList(value)).length;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
