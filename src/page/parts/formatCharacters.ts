/**
 * Characters that reorder or hide text: a right-to-left override displays "BUG-123" as "BUG-321". Letters of right-to-left scripts need
 * none of them; joiners, which some scripts do need, move nothing and are left alone.
 */
const FORMAT = /[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
const SIGN = /⟨U\+([0-9A-F]{4})⟩/g;

/** The text, with each of them replaced by a sign such as `⟨U+202E⟩`. */
export function withVisibleFormat(text: string): string {
  return text.replace(FORMAT, (found) => `⟨U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

/** Restores the original characters, for requests to the server. */
export function withFormat(text: string): string {
  return text.replace(SIGN, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}
