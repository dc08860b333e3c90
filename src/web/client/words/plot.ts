export const plotWords = {
  image: (title: string) => `${title}. The table below has the same figures.`,
  table: 'As a table',
} as const;
