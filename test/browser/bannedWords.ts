/** Words that would tell a reader that an unflagged scan holds nothing, or how sure a machine is. */
export const BANNED = [
  'negative',
  'normal',
  'clear',
  'cleared',
  'safe',
  'rule out',
  'ruled out',
  'confidence',
  'no fracture',
  'all good',
  '✓',
  '✔',
  '✅',
];

/** Said of a filter, not of a scan. */
const OF_NO_SCAN = /\bClear filters\b/g;

export function bannedIn(text: string): string[] {
  const said = text.replace(OF_NO_SCAN, '');
  return BANNED.filter((word) => new RegExp(`(?<![\\p{L}])${word}(?![\\p{L}])`, 'iu').test(said));
}
