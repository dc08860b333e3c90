import { describe, expect, it } from 'vitest';
import { createLog } from '../../../src/base/log.ts';
import { withReleasers } from '../../../src/base/releasers.ts';

const log = createLog('silent');

describe('releasers', () => {
  it('stop what was started last first, once, and go on after one that fails', async () => {
    const stopped: string[] = [];
    const release = await withReleasers(log, (releasers, release) => {
      releasers.push('database', () => void stopped.push('database'));
      releasers.push('pipeline', () => Promise.reject(new Error('will not stop')));
      releasers.push('page', async () => {
        await Promise.resolve();
        stopped.push('page');
      });
      return Promise.resolve(release);
    });
    expect(stopped).toEqual([]);
    await release();
    await release();
    expect(stopped).toEqual(['page', 'database']);
  });

  it('stop what has been started by then when a start fails, and the error goes on', async () => {
    const stopped: string[] = [];
    const start = withReleasers(log, (releasers) => {
      releasers.push('database', () => void stopped.push('database'));
      return Promise.reject(new Error('the port is taken'));
    });
    await expect(start).rejects.toThrow('the port is taken');
    expect(stopped).toEqual(['database']);
  });
});
