import { peakRssBytes } from '../../../src/base/peakRss.ts';

process.send(peakRssBytes());
