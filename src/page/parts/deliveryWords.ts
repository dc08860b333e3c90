/** Texts about the delivery of results. */
export const deliveryWords = {
  confirmed: (destination: string, time: string) => `Sent - ${destination} holds it ${time}`,
  accepted: (destination: string, time: string) => `Sent - ${destination} accepted ${time}, not yet confirmed`,
  waiting: (destination: string, reason: string | null) =>
    reason === null ? `Waiting for ${destination}` : `Waiting for ${destination}: ${reason}`,
  cancelled: (destination: string) => `Not sent to ${destination}: a newer result takes its place`,
  rejected: (destination: string, reason: string) => `Rejected by ${destination}: ${reason}`,
} as const;
