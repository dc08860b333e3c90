/** Opens the viewer as its link does: in a tab of its own, which cannot reach this page. */
export function openViewer(link: string | null): void {
  if (link !== null) window.open(link, '_blank', 'noopener,noreferrer');
}
