/** Event of the window: an admin has dealt with something that waited, so the badges are counted anew. */
export const ATTENDED = 'odontoid-attended';
