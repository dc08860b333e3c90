/** Turns the bytes that a code element holds into Unicode. */
interface CodeElement {
  slot: 'g0' | 'g1';
  bytesPerCharacter: 1 | 2;
  decode(bytes: Uint8Array): string;
}

/** Value Representations whose bytes depend on SpecificCharacterSet (PS3.5 6.1.2.2). */
export const TEXT_VALUE_REPRESENTATIONS: ReadonlySet<string> = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT']);

const ESCAPE = 0x1b;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const FORM_FEED = 0x0c;
const CARRIAGE_RETURN = 0x0d;
const BACKSLASH = 0x5c;
const CARET = 0x5e;
const EQUALS = 0x3d;

const ASCII: CodeElement = {
  slot: 'g0',
  bytesPerCharacter: 1,
  decode: (bytes) => Buffer.from(bytes).toString('latin1'),
};

/** Code elements by their escape sequence, without the ESC (PS3.3 C.12.1.1.2, tables C.12-3 and C.12-4). */
const BY_ESCAPE: Readonly<Record<string, CodeElement>> = {
  '(B': ASCII,
  // ISO-IR 14 differs from ASCII in the yen sign and the overline. DICOM's delimiters keep their meaning, so it is read as ASCII.
  '(J': ASCII,
  ')I': { slot: 'g1', bytesPerCharacter: 1, decode: halfWidthKatakana },
  '-A': supplementary('windows-1252'),
  '-B': supplementary('iso-8859-2'),
  '-C': supplementary('iso-8859-3'),
  '-D': supplementary('iso-8859-4'),
  '-F': supplementary('iso-8859-7'),
  '-G': supplementary('iso-8859-6'),
  '-H': supplementary('iso-8859-8'),
  '-L': supplementary('iso-8859-5'),
  '-M': supplementary('windows-1254'),
  '-T': supplementary('windows-874'),
  '-b': supplementary('iso-8859-15'),
  $B: {
    slot: 'g0',
    bytesPerCharacter: 2,
    decode: (bytes) =>
      decodeAs(
        'euc-jp',
        bytes.map((byte) => byte | 0x80),
      ),
  },
  '$(D': { slot: 'g0', bytesPerCharacter: 2, decode: jisX0212 },
  '$)C': { slot: 'g1', bytesPerCharacter: 2, decode: (bytes) => decodeAs('euc-kr', bytes) },
  '$)A': { slot: 'g1', bytesPerCharacter: 2, decode: (bytes) => decodeAs('gbk', bytes) },
};

/** The code element with this ISO-IR number, active at the start of a value. The standard does not allow 58 and 149 first, but they occur there. */
const G1_BY_REGISTRATION: Readonly<Record<string, string>> = {
  '13': ')I',
  '58': '$)A',
  '100': '-A',
  '101': '-B',
  '109': '-C',
  '110': '-D',
  '126': '-F',
  '127': '-G',
  '138': '-H',
  '144': '-L',
  '148': '-M',
  '149': '$)C',
  '166': '-T',
  '203': '-b',
};

/**
 * Values of a text element in Unicode, without padding and control characters; empty for an empty element (PS3.5 6.1.2, annexes H to K).
 * Bytes that no declared character set explains are read as UTF-8 if they are valid UTF-8, otherwise as Windows-1252. Nothing is lost and nothing throws.
 *
 * @param characterSets the values of SpecificCharacterSet (0008,0005) that apply
 */
export function decodeText(bytes: Uint8Array, characterSets: readonly string[], vr: string): string[] {
  const text = decodeBytes(bytes, characterSets, vr);
  if (vr === 'LT' || vr === 'ST' || vr === 'UT') {
    const value = text.replace(/[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u009f]/g, '').replace(/ +$/, '');
    return value === '' ? [] : [value];
  }
  const values = text
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
    .split('\\')
    .map((value) => value.replace(/^ +| +$/g, ''));
  return values.every((value) => value === '') ? [] : values;
}

function decodeBytes(bytes: Uint8Array, characterSets: readonly string[], vr: string): string {
  // Every set contains ASCII, and most values are plain ASCII.
  if (bytes.every((byte) => byte < 0x80 && byte !== ESCAPE)) return ASCII.decode(bytes);
  const [first = '', ...others] = characterSets.map(normalisedTerm);
  switch (first) {
    case 'ISOIR192':
    case 'UTF8':
      return decodeUndeclared(bytes);
    case 'GB18030':
    case 'GBK':
      return decodeAs(first.toLowerCase(), bytes);
    case 'ISO2022GBK':
    case 'ISO202258':
      return decodeAs('gbk', bytes);
  }
  const g1 = BY_ESCAPE[G1_BY_REGISTRATION[registration(first)] ?? ''];
  if (g1 === undefined && others.length === 0 && !bytes.includes(ESCAPE))
    return decodeAsNamed(characterSets[0] ?? '', bytes) ?? decodeUndeclared(bytes);
  return decodeWithExtensions(bytes, g1 ?? null, vr);
}

/** ISO 2022 as DICOM restricts it (PS3.5 6.1.2.5): every delimiter restores the code elements of the first defined term. */
function decodeWithExtensions(bytes: Uint8Array, initialG1: CodeElement | null, vr: string): string {
  let g0 = ASCII;
  let g1 = initialG1;
  // Some writers designate G1 once per value and not again after each delimiter.
  let lastG1 = initialG1;
  const runs: { element: CodeElement; bytes: number[] }[] = [];
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at]!;
    if (byte === ESCAPE) {
      let end = at + 1;
      while (end < bytes.length && bytes[end]! >= 0x20 && bytes[end]! <= 0x2f) end++;
      // Intermediate bytes include "$" (0x24) and the parentheses; the byte after them ends the sequence.
      const element = BY_ESCAPE[Buffer.from(bytes.subarray(at + 1, end + 1)).toString('latin1')];
      if (element?.slot === 'g0') g0 = element;
      if (element?.slot === 'g1') lastG1 = g1 = element;
      at = end + 1;
      continue;
    }
    const isG0 = byte > 0x20 && byte < 0x7f;
    if (isDelimiter(byte, vr) && !(isG0 && g0.bytesPerCharacter === 2)) {
      g0 = ASCII;
      g1 = initialG1;
    }
    const element = isG0 ? g0 : byte < 0x80 ? ASCII : (g1 ?? lastG1 ?? BY_ESCAPE['-A']!);
    if (runs.at(-1)?.element !== element) runs.push({ element, bytes: [] });
    for (let taken = 0; taken < element.bytesPerCharacter && at < bytes.length; taken++)
      runs.at(-1)!.bytes.push(bytes[at++]!);
  }
  return runs.map((run) => run.element.decode(Uint8Array.from(run.bytes))).join('');
}

function isDelimiter(byte: number, vr: string): boolean {
  switch (byte) {
    case TAB:
    case LINE_FEED:
    case FORM_FEED:
    case CARRIAGE_RETURN:
      return true;
    case BACKSLASH:
      return vr !== 'LT' && vr !== 'ST' && vr !== 'UT';
    case CARET:
    case EQUALS:
      return vr === 'PN';
    default:
      return false;
  }
}

/** Some writers put the common name of an encoding where a defined term belongs (GB2312, windows-1251, KOI8-R, ISO 8859-1); null for no such name, or bytes that are not in it. */
function decodeAsNamed(term: string, bytes: Uint8Array): string | null {
  try {
    return new TextDecoder(term.trim().replace(/[ _]/g, '-'), { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function decodeUndeclared(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return decodeAs('windows-1252', bytes);
  }
}

function decodeAs(encoding: string, bytes: Uint8Array): string {
  return new TextDecoder(encoding).decode(bytes);
}

function supplementary(encoding: string): CodeElement {
  return { slot: 'g1', bytesPerCharacter: 1, decode: (bytes) => decodeAs(encoding, bytes) };
}

function halfWidthKatakana(bytes: Uint8Array): string {
  return String.fromCharCode(
    ...Array.from(bytes, (byte) => (byte >= 0xa1 && byte <= 0xdf ? 0xff61 + byte - 0xa1 : 0xfffd)),
  );
}

function jisX0212(bytes: Uint8Array): string {
  const encoded: number[] = [];
  for (let at = 0; at < bytes.length; at += 2) encoded.push(0x8f, bytes[at]! | 0x80, (bytes[at + 1] ?? 0) | 0x80);
  return decodeAs('euc-jp', Uint8Array.from(encoded));
}

/** Writers spell defined terms in different ways: `ISO_IR 100`, `ISO IR 100`, `iso-ir-100`. */
function normalisedTerm(term: string): string {
  return term.toUpperCase().replace(/[^A-Z0-9]/g, '');
}

/** The number of `ISOIR100` or `ISO2022IR100`. */
function registration(term: string): string {
  return /^ISO(?:2022)?IR(\d+)$/.exec(term)?.[1] ?? '';
}
