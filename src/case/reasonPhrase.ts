/** Why a scan was not analysed, as a phrase: without the sentence that findings put around it, which a sentence of state would say twice. */
export function reasonPhrase(reason: string): string {
  const bare = reason
    .trim()
    .replace(/ - not scored(\. Read as usual)?\.?$/, '')
    .replace(/\.+$/, '');
  return /^Outside tested range \((.*)\)$/s.exec(bare)?.[1] ?? bare;
}
