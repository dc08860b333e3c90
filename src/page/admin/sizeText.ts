/** A number of bytes with a readable unit. */
export function sizeText(bytes: number): string {
  if (bytes > 0 && bytes < 1e6) return 'under 1 MB';
  const gigabytes = bytes / 1e9;
  return gigabytes >= 1
    ? `${gigabytes >= 10 ? gigabytes.toFixed(0) : gigabytes.toFixed(1)} GB`
    : `${(bytes / 1e6).toFixed(0)} MB`;
}
