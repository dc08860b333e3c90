/** Titles of the admins' screens. Apart from their other words, which a reader's screen need not load. */
export const adminTitles = {
  proof: 'Proof of life',
  connections: 'Connections',
  needsAttention: 'Waiting',
  system: 'System',
  settings: 'Settings',
} as const;
