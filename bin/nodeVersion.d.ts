export function objectionToNode(version: string): string | null;
