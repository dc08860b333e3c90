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

export function bannedIn(text: string): string[] {
  return BANNED.filter((word) => new RegExp(`(?<![\\p{L}])${word}(?![\\p{L}])`, 'iu').test(text));
}
