import type { RefObject } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { followFeed, type Feed } from '../parts/feed.ts';
import { LIVE, type Freshness } from '../parts/freshness.ts';
import { withPart, type HeldList } from './heldList.ts';
import { leftList } from './leftList.ts';
import { pagesAround, type ListQuery, type Span } from './listQuery.ts';
import { fetchWorklist } from './worklistApi.ts';

export interface Worklist {
  /** Null until the first answer. */
  list: HeldList | null;
  query: ListQuery;
  masked: boolean;
  fresh: Freshness;
  /** Reads the visible part of the list on the screen; with `anew`, of the list as it is now. `beforeTaken` runs before it is drawn. */
  read: (anew: boolean, beforeTaken?: () => void) => void;
  choose: (change: Partial<ListQuery>) => void;
  mask: (value: boolean) => void;
  /** To be called after something was saved. */
  refresh: () => Promise<void>;
}

/** The list and its freshness. `isAttended`: a reader points at a row or has focused one, so no update may move it. */
export function useWorklist(span: RefObject<Span>, isAttended: () => boolean): Worklist {
  const [list, setList] = useState<HeldList | null>(null);
  const [query, setQuery] = useState<ListQuery>(leftList.query);
  const [masked, setMasked] = useState(false);
  const [fresh, setFresh] = useState<Freshness>(LIVE);
  const feed = useRef<Feed | null>(null);
  const asked = useRef({ query, masked });
  /** Counts the lists requested anew: responses for an older one are ignored. */
  const turn = useRef(0);
  const held = useRef(list);
  held.current = list;

  const load = useCallback(async (anew: boolean, beforeTaken?: () => void) => {
    const known = held.current?.answer.list ?? null;
    const asking = asked.current;
    const mine = anew ? (turn.current += 1) : turn.current;
    const answer = await fetchWorklist({
      ...asking.query,
      masked: asking.masked,
      list: anew ? null : known,
      ...pagesAround(span.current),
    });
    if (asked.current !== asking || turn.current !== mine) return;
    // Another list has loaded meanwhile: a response for the one before must not bring it back.
    if (!anew && (held.current?.answer.list ?? null) !== known) return;
    beforeTaken?.();
    setList((old) => withPart(old, answer));
  }, []);
  const read = useCallback(
    (anew: boolean, beforeTaken?: () => void) => {
      load(anew, beforeTaken).catch(reportError);
    },
    [load],
  );
  useEffect(() => {
    const followed = followFeed(() => load(!isAttended()), setFresh);
    feed.current = followed;
    return () => followed.stop();
  }, [load, isAttended]);

  return {
    list,
    query,
    masked,
    fresh,
    read,
    choose: (change) => {
      const next = { ...query, ...change };
      leftList.query = next;
      setQuery(next);
      asked.current = { query: next, masked };
      read(true);
    },
    mask: useCallback(
      (value: boolean) => {
        setMasked(value);
        asked.current = { query: asked.current.query, masked: value };
        read(false);
      },
      [read],
    ),
    refresh: () => feed.current?.refresh() ?? Promise.resolve(),
  };
}
