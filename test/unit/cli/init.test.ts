import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { askSettings } from '../../../src/cli/init.ts';

const asked = async (flags: Parameters<typeof askSettings>[0], typed: string) => {
  const output = new PassThrough();
  const answers = await askSettings(flags, Readable.from([typed]), output);
  const shown = await text(output.end());
  return { answers, questions: shown.match(/\?/g)?.length };
};

test('what no flag has said is asked, and lines typed ahead are answers', async () => {
  const typed = 'NECK\nCT1@10.1.1.1\nCT2@10.1.1.2\n\npacs=A@h:104\n\n\n';
  expect(await asked({ out: 'x.yaml' }, typed)).toEqual({
    answers: {
      out: 'x.yaml',
      aeTitle: 'NECK',
      source: ['CT1@10.1.1.1', 'CT2@10.1.1.2'],
      destination: ['pacs=A@h:104'],
      dataDir: './data',
    },
    questions: 7,
  });
  const { answers, questions } = await asked({ out: 'x.yaml', aeTitle: 'B', source: [], destination: [] }, '/d\n');
  expect([answers.dataDir, questions]).toEqual(['/d', 1]);
});

test('an input that ends before the last answer writes nothing, and says so', async () => {
  await expect(asked({ out: 'x.yaml' }, 'NECK\n')).rejects.toMatchObject({
    code: 'command-invalid',
    message: 'The questions were not answered to their end. Nothing is written.',
  });
});
