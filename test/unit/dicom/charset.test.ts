import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText } from '../../../src/dicom/charset.ts';

/** `\x1b`-style escapes are the bytes as the standard prints them. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

describe('decodeText', () => {
  // The byte sequences are those of PS3.5 annexes H, I, J and K, and of Supplement 9's examples as DCMTK and pydicom carry them.
  it.each([
    [
      'H.3.1 Japanese, IR 87',
      ['', 'ISO 2022 IR 87'],
      'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B',
      'Yamada^Tarou=山田^太郎=やまだ^たろう',
    ],
    [
      'H.3.2 Japanese, IR 13 and IR 87',
      ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
      '\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J',
      'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
    ],
    [
      'I.2 Korean',
      ['', 'ISO 2022 IR 149'],
      'Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf',
      'Hong^Gildong=洪^吉洞=홍^길동',
    ],
    [
      'J.1 Chinese, UTF-8',
      ['ISO_IR 192'],
      'Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1=',
      'Wang^XiaoDong=王^小東=',
    ],
    ['J.2 Chinese, GB18030', ['GB18030'], 'Wang^XiaoDong=\xcd\xf5^\xd0\xa1\x96|=', 'Wang^XiaoDong=王^小東='],
    [
      'K.2 Chinese, GB2312 by code extension',
      ['', 'ISO 2022 IR 58'],
      'Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=',
      'Zhang^XiaoDong=张^小东=',
    ],
    ['GBK', ['GBK'], 'Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=', 'Wang^XiaoDong=王^小东='],
    ['German', ['ISO_IR 100'], '\xc4neas^R\xfcdiger', 'Äneas^Rüdiger'],
    ['French', ['ISO_IR 100'], 'Buc^J\xe9r\xf4me', 'Buc^Jérôme'],
    ['Polish', ['ISO_IR 101'], 'Wa\xb3\xeasa', 'Wałęsa'],
    ['Maltese', ['ISO_IR 109'], '\xa1amrun', 'Ħamrun'],
    ['Latvian', ['ISO_IR 110'], 'B\xbarzi\xf1\xb9', 'Bērziņš'],
    ['Russian', ['ISO_IR 144'], '\xbb\xee\xda\x63\x65\xdc\xd1\x79\x70\xd3', 'Люкceмбypг'],
    ['Arabic', ['ISO_IR 127'], '\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1', 'قباني^لنزار'],
    ['Greek', ['ISO_IR 126'], '\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2', 'Διονυσιος'],
    ['Hebrew', ['ISO_IR 138'], '\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4', 'שרון^דבורה'],
    ['Turkish', ['ISO_IR 148'], '\xc7avu\xfeo\xf0lu^\xdd', 'Çavuşoğlu^İ'],
    ['Thai', ['ISO_IR 166'], '\xca\xc1\xaa\xd2\xc2', 'สมชาย'],
    ['Japanese half-width', ['ISO_IR 13'], '\xd4\xcf\xc0\xde^\xc0\xdb\xb3', 'ﾔﾏﾀﾞ^ﾀﾛｳ'],
    ['Latin-9', ['ISO_IR 203'], '\xa4 \xbd', '€ œ'],
    [
      'Greek and Cyrillic by code extension',
      ['ISO 2022 IR 100', 'ISO 2022 IR 144', 'ISO 2022 IR 126'],
      'Dionysios is \x1b-F\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2, J\xe9',
      'Dionysios is Διονυσιος, Jι',
    ],
    ['JIS X 0212', ['', 'ISO 2022 IR 159'], '\x1b$(D0!\x1b(B', '丂'],
    ['plain', [], 'DOE^JOHN', 'DOE^JOHN'],
  ])('reads %s', (_name, characterSets, bytes, text) => {
    expect(decodeText(latin1(bytes), characterSets, 'PN')).toEqual([text]);
  });

  it('goes back to the first character set at every delimiter of the VR', () => {
    const sets = ['ISO 2022 IR 100', 'ISO 2022 IR 144'];
    expect(decodeText(latin1('\x1b-L\xbb\xee^\xe9'), sets, 'PN')).toEqual(['Лю^é']);
    expect(decodeText(latin1('\x1b-L\xbb\xee^\xe9'), sets, 'LO')).toEqual(['Лю^щ']);
    expect(decodeText(latin1('\x1b-L\xbb\xee\\\xe9'), sets, 'LO')).toEqual(['Лю', 'é']);
    expect(decodeText(latin1('\x1b-L\xbb\xee\r\n\xe9'), sets, 'LT')).toEqual(['Лю\r\né']);
  });

  it('takes no second byte of a character for a delimiter', () => {
    // The second bytes of these characters are those of "^", the backslash and, in GB18030, the backslash again.
    expect(decodeText(latin1('\x1b$B;^=\\\x1b(B^A'), ['', 'ISO 2022 IR 87'], 'PN')).toEqual(['枝旬^A']);
    expect(decodeText(Uint8Array.of(0x8a, 0x5c, 0x41), ['GB18030'], 'LO')).toEqual(['奬A']);
  });

  it('keeps a designation that a writer made only once', () => {
    expect(decodeText(latin1('Hong^Gildong=\x1b$)C\xfb\xf3^\xd1\xce\xd4\xd7'), ['', 'ISO 2022 IR 149'], 'PN')).toEqual([
      'Hong^Gildong=洪^吉洞',
    ]);
  });

  it('reads undeclared or misspelt character sets without losing letters', () => {
    expect(decodeText(Buffer.from('Jérôme'), [], 'LO')).toEqual(['Jérôme']);
    expect(decodeText(latin1('J\xe9r\xf4me'), [], 'LO')).toEqual(['Jérôme']);
    expect(decodeText(latin1('J\xe9r\xf4me'), ['ISO_IR 192'], 'LO')).toEqual(['Jérôme']);
    expect(decodeText(latin1('Wa\xb3\xeasa'), ['iso ir 101'], 'LO')).toEqual(['Wałęsa']);
    expect(decodeText(latin1('J\xe9r\xf4me'), ['NO SUCH SET'], 'LO')).toEqual(['Jérôme']);
  });

  it.each([
    ['GB2312', '\xd5\xd4^\xb9\xf0\xcf\xe3', '赵^桂香'],
    ['ISO 2022 GBK', '\xd5\xd4^\xb9\xf0\xcf\xe3', '赵^桂香'],
    ['WINDOWS-1251', '\xc8\xe2\xe0\xed\xee\xe2', 'Иванов'],
    ['KOI8-R', '\xe9\xd7\xc1\xce\xcf\xd7', 'Иванов'],
    ['SHIFT_JIS', '\x8eR\x93c', '山田'],
    ['EUC-KR', '\xb1\xe8', '김'],
    ['ISO 8859-5', '\xb8\xd2\xd0\xdd\xde\xd2', 'Иванов'],
    // Not in the encoding of that name: no letter is lost.
    ['EUC-KR', 'J\xe9r\xf4', 'Jérô'],
  ])('reads %s, the common name of an encoding', (term, bytes, text) => {
    expect(decodeText(latin1(bytes), [term], 'PN')).toEqual([text]);
  });

  it('takes padding and control characters off', () => {
    expect(decodeText(latin1('  PAT-1  \0'), [], 'LO')).toEqual(['PAT-1']);
    expect(decodeText(latin1('a\nb\x07'), [], 'SH')).toEqual(['ab']);
    expect(decodeText(latin1('  a\r\nb  '), [], 'LT')).toEqual(['  a\r\nb']);
    expect(decodeText(latin1('   '), [], 'LO')).toEqual([]);
    expect(decodeText(latin1('a\\b'), [], 'UT')).toEqual(['a\\b']);
  });

  it('never throws and never lets a control character through', () => {
    const sets = fc.array(
      fc.constantFrom(
        '',
        'ISO_IR 100',
        'ISO 2022 IR 13',
        'ISO 2022 IR 87',
        'ISO 2022 IR 149',
        'ISO 2022 IR 58',
        'ISO_IR 192',
        'GB18030',
        'x',
      ),
      { maxLength: 3 },
    );
    const byte = fc.oneof(
      fc.constantFrom(0x1b, 0x24, 0x28, 0x29, 0x42, 0x43, 0x5c, 0x5e, 0x3d),
      fc.integer({ min: 0, max: 255 }),
    );
    fc.assert(
      fc.property(
        fc.array(byte, { maxLength: 40 }),
        sets,
        fc.constantFrom('PN', 'LO', 'SH'),
        (bytes, characterSets, vr) => {
          for (const value of decodeText(Uint8Array.from(bytes), characterSets, vr))
            expect(value).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        },
      ),
    );
  });

  it('gives every Unicode text back from UTF-8', () => {
    const printable = fc
      .string({ unit: 'grapheme' })
      .filter((text) => !/[\p{Cc}\\]/u.test(text) && text.trim() === text && text !== '');
    fc.assert(
      fc.property(printable, (text) => {
        expect(decodeText(Buffer.from(text), ['ISO_IR 192'], 'LO')).toEqual([text]);
      }),
    );
  });
});
