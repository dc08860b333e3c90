/** A DICOM status, or another 16-bit number, as it is written in the standard: `0xA700`. */
export function hex16(value: number): string {
  return `0x${value.toString(16).padStart(4, '0').toUpperCase()}`;
}
