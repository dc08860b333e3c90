import { describe, expect, it } from 'vitest';
import type { EncodedSlice, FrameKind, InstanceHeader, StoredInstance } from '../../../src/case/case.ts';
import { createArrivalEncoder } from '../../../src/infer/encodeOnArrival.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import type { TriageModel } from '../../../src/case/triageModel.ts';

function slice(study: string, series: string, index: number): StoredInstance {
  const header = {
    studyInstanceUid: study,
    seriesInstanceUid: series,
    sopInstanceUid: `${series}.${index}`,
    convolutionKernel: series,
  } as InstanceHeader;
  return { header, path: `${series}/${index}`, sha256: `${series}-${index}` } as StoredInstance;
}

interface Wishes {
  fail?: string;
  isOurs?: (sha256: string) => boolean;
  clock?: Pick<Clock, 'sleep' | 'monotonicMs'>;
  /** Called before a slice is encoded. */
  before?: (path: string) => Promise<void>;
}

function setUp(options: Wishes = {}) {
  const saved = new Map<string, EncodedSlice>();
  const asked: string[] = [];
  const model = {
    identity: { name: 'm', version: '1', sha256: 'model' },
    encodeSlice: async (path: string, frameNumber?: number) => {
      await options.before?.(path);
      asked.push(frameNumber === undefined ? path : `${path} frame ${frameNumber}`);
      if (path === options.fail) throw new TriageError('pixel-data-undecodable', 'cut');
      return { feature: new Float32Array(1) } as EncodedSlice;
    },
  } as unknown as TriageModel;
  const encoder = createArrivalEncoder({
    lease: () => ({ model, isCurrent: () => true, release: () => undefined }),
    store: {
      sliceFeatures: (_model, keys) => Promise.resolve(new Map([...saved].filter(([key]) => keys.includes(key)))),
      saveSliceFeatures: (_model, features) => {
        for (const [key, value] of features) saved.set(key, value);
        return Promise.resolve();
      },
    },
    resolvePath: (path) => path,
    refuse: (header) => (header.seriesInstanceUid === 'scout' ? { code: 'localizer' } : null),
    preferSeries: (a, b) => (a.convolutionKernel === 'bone' ? -1 : 0) - (b.convolutionKernel === 'bone' ? -1 : 0),
    isOurs: options.isOurs ?? (() => true),
    clock: options.clock ?? systemClock,
    log: createLog('silent'),
  });
  return { encoder, saved, asked };
}

describe('encoding on arrival', () => {
  it('encodes slices as they come and has saved them when the study is settled', async () => {
    const { encoder, saved } = setUp();
    encoder.add([0, 1, 2].map((index) => slice('study', 'soft', index)));
    await encoder.settle('study');
    expect([...saved.keys()]).toEqual(['soft-0', 'soft-1', 'soft-2']);
    await encoder.close();
  });

  it('leaves out what can be no slice of an analysed series, and changes to a better series when one appears', async () => {
    const { encoder, asked } = setUp();
    encoder.add([
      slice('study', 'scout', 0),
      slice('study', 'soft', 0),
      slice('study', 'bone', 0),
      slice('study', 'soft', 1),
      slice('study', 'bone', 1),
    ]);
    await encoder.settle('study');
    expect(asked).toEqual(['soft/0', 'bone/0', 'bone/1']);
    await encoder.close();
  });

  it('encodes each frame of a multi-frame object that may be analysed', async () => {
    const { encoder, asked, saved } = setUp();
    const object = slice('study', 'soft', 0);
    const kind = { convolutionKernel: 'soft' } as FrameKind;
    const frames = {
      // The scout is the second frame.
      kinds: [kind, { ...kind, seriesInstanceUid: 'scout' } as FrameKind],
      kindOf: [0, 1, 0],
      positionsMm: [0, 0, 3, 0, 0, 2, 0, 0, 1],
      acquired: null,
    };
    encoder.add([{ ...object, header: { ...object.header, frames } }]);
    await encoder.settle('study');
    expect(asked).toEqual(['soft/0 frame 1', 'soft/0 frame 3']);
    expect([...saved.keys()]).toEqual(['soft-0/1', 'soft-0/3']);
    await encoder.close();
  });

  it('does not encode a slice twice, nor stop at one that cannot be decoded', async () => {
    const { encoder, asked, saved } = setUp({ fail: 'soft/1' });
    encoder.add([0, 1, 2].map((index) => slice('study', 'soft', index)));
    await encoder.settle('study');
    encoder.add([slice('study', 'soft', 0)]);
    await encoder.settle('study');
    expect(asked).toEqual(['soft/0', 'soft/1', 'soft/2']);
    expect([...saved.keys()]).toEqual(['soft-0', 'soft-2']);
    await encoder.close();
  });

  it('drops a study that has its result, also what is being encoded of it, and goes on with the next', async () => {
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const { encoder, saved, asked } = setUp({ before: (path) => (path === 'soft/0' ? held : Promise.resolve()) });
    encoder.add([slice('study', 'soft', 0)]);
    await expect.poll(() => encoder.isBusy()).toBe(true);
    encoder.add([slice('other', 'lung', 0)]);
    const settled = encoder.settle('study');
    encoder.forget('study');
    letGo();
    await Promise.all([settled, encoder.settle('other')]);
    await encoder.close();
    expect([asked.sort(), [...saved.keys()]]).toEqual([['lung/0', 'soft/0'], ['lung-0']]);
  });

  it('of slices of another node’s share, encodes what that one has not kept in time, the newest first, and none twice', async () => {
    let nowMs = 0;
    const wakes: (() => void)[] = [];
    const clock = {
      monotonicMs: () => nowMs,
      sleep: (_ms: number, signal?: AbortSignal) =>
        new Promise<void>((resolve) => {
          wakes.push(resolve);
          signal?.addEventListener('abort', () => resolve(), { once: true });
        }),
    };
    const { encoder, saved, asked } = setUp({ clock, isOurs: (sha256) => sha256 === 'soft-1' });
    encoder.add([0, 1, 2, 3].map((index) => slice('study', 'soft', index)));
    await expect.poll(() => [...saved.keys()]).toEqual(['soft-1']);
    expect([asked, encoder.isBusy()]).toEqual([['soft/1'], false]);
    // The other node has kept the last one in the meantime.
    saved.set('soft-3', {} as EncodedSlice);
    nowMs = 2_000;
    const saves = () => {
      for (const wake of wakes.splice(0)) wake();
      return saved.size;
    };
    await expect.poll(saves).toBe(4);
    expect(asked).toEqual(['soft/1', 'soft/2', 'soft/0']);
    expect(encoder.encoded()).toBe(3);
    await encoder.close();
  });

  it('is settled with its own share: the others’ slices are left to whoever asks', async () => {
    const { encoder, saved, asked } = setUp({ isOurs: (sha256) => sha256 !== 'soft-1' });
    encoder.add([0, 1, 2].map((index) => slice('study', 'soft', index)));
    await encoder.settle('study');
    expect([[...saved.keys()], asked]).toEqual([
      ['soft-0', 'soft-2'],
      ['soft/0', 'soft/2'],
    ]);
    await encoder.close();
    expect(asked).toHaveLength(2);
  });

  it('settles at once for a study that it does not know', async () => {
    const { encoder } = setUp();
    await encoder.settle('nobody');
    await encoder.close();
  });
});
