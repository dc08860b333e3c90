/** Like `Promise.all`, but waits for all of them before it rejects with the first failure: what they share can be closed then. */
export async function allSettledOrThrow<Works extends readonly unknown[] | []>(
  works: Works,
): Promise<{ -readonly [Index in keyof Works]: Awaited<Works[Index]> }> {
  await Promise.allSettled(works);
  return Promise.all(works);
}
