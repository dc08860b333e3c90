/** US means "unspecified", and anonymisers write it in place of HU; without a value a CT is in HU. */
const HOUNSFIELD_TYPES: ReadonlySet<string> = new Set([
  '',
  'HU',
  'HU_MOD',
  'US',
  // Written out by converters.
  'HOUNSFIELD',
  'HOUNSFIELD UNIT',
  'HOUNSFIELD UNITS',
]);

/**
 * True when values of this RescaleType (PS3.3 C.11.1.1.2), in whatever case it is written, are Hounsfield units. Others (Z_EFF, ED, MGML) are maps of
 * materials that only look like a CT.
 */
export function isHounsfieldType(rescaleType: string): boolean {
  return HOUNSFIELD_TYPES.has(rescaleType.trim().toUpperCase());
}
