/** A size of a disk or a file for people, in GiB with one decimal. */
export const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
