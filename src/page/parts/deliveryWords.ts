/** Texts about the delivery of results. */
export const deliveryWords = {
  confirmed: (destination: string, time: string, remarks: string) => `Sent - ${destination} holds it ${time}${remarks}`,
  committed: (destination: string, time: string, remarks: string) =>
    `Sent - ${destination} has committed to keep it ${time}${remarks}`,
  acceptedOnly: (destination: string, time: string, remarks: string) =>
    `Sent - ${destination} accepted it ${time}, and cannot be asked${remarks}`,
  accepted: (destination: string, time: string, remarks: string) =>
    `Sent - ${destination} accepted ${time}, not yet confirmed${remarks}`,
  asLowerClass: (sopClass: string) => `, as ${sopClass}`,
  warning: (status: string) => `, with warning ${status}: it may have changed attributes`,
  waiting: (destination: string, reason: string | null) =>
    reason === null ? `Waiting for ${destination}` : `Waiting for ${destination}: ${reason}`,
  cancelled: (destination: string) => `Not sent to ${destination}: a newer result takes its place`,
  otherClass: (destination: string, sopClass: string) =>
    `${destination} does not take ${sopClass}: sent in a lower SR class`,
  notWanted: (destination: string) => `Not for ${destination}: its configuration leaves this out`,
  retired: (destination: string) => `Not sent: ${destination} is retired`,
  givenUp: (destination: string) =>
    `Pictures not sent: they waited for ${destination} for too long and were deleted to make room; its report is kept`,
  cardOnly: (destination: string) => `${destination} takes no SR: the triage card stands for the report`,
  rejected: (destination: string, reason: string) => `Rejected by ${destination}: ${reason}`,
} as const;
