import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { AlertChoices } from '../alerts/alertChoices.tsx';
import { applyTheme, keepPreference, preference } from '../parts/preferences.ts';
import { wallFontPx } from './wallSize.ts';
import { wallWords as words } from './wallWords.ts';

const MOST_FONT_PX = 400;
const LEAST_FONT_PX = 12;
const USUAL = { inches: '55', metres: '2' };

function fontPxOf(inches: string, metres: string): number {
  const px = wallFontPx({
    diagonalInches: Number(inches),
    distanceMetres: Number(metres),
    widthPx: screen.width,
    heightPx: screen.height,
  });
  return Math.round(Number.isFinite(px) ? Math.min(MOST_FONT_PX, Math.max(LEAST_FONT_PX, px)) : LEAST_FONT_PX);
}

/** The size set up for this screen; before that, a usual one. */
export function chosenFontPx(): number {
  return fontPxOf(preference('wallInches') || USUAL.inches, preference('wallMetres') || USUAL.metres);
}

/** Whether the size of this screen has been set up. */
export function isSetUp(): boolean {
  return preference('wallInches') !== '' && preference('wallMetres') !== '';
}

/** Size, viewing distance, theme, and whether it may sound: silent unless chosen. */
export function WallSetUp({
  onDone,
  blocked,
  ring,
}: {
  onDone: () => void;
  blocked: boolean;
  ring: (kind: 'flag' | 'fault') => void;
}) {
  const [inches, setInches] = useState(preference('wallInches') || USUAL.inches);
  const [metres, setMetres] = useState(preference('wallMetres') || USUAL.metres);
  const [light, setLight] = useState(preference('theme') === 'light');
  const first = useRef<HTMLInputElement>(null);
  // Focus before painting, so that what is typed on seeing the field goes into it.
  useLayoutEffect(() => first.current?.focus(), []);
  return (
    <form
      class="wall-set-up"
      aria-labelledby="wall-set-up"
      onSubmit={(event) => {
        event.preventDefault();
        keepPreference('wallInches', inches);
        keepPreference('wallMetres', metres);
        onDone();
      }}
    >
      <h2 id="wall-set-up">{words.setUpTitle}</h2>
      <p>{words.setUpWhat}</p>
      <label>
        {words.inches}{' '}
        <input
          ref={first}
          type="number"
          min={10}
          max={200}
          step="any"
          required
          value={inches}
          onInput={(event) => setInches(event.currentTarget.value)}
        />
      </label>
      <label>
        {words.metres}{' '}
        <input
          type="number"
          min={0.3}
          max={20}
          step="any"
          required
          value={metres}
          onInput={(event) => setMetres(event.currentTarget.value)}
        />
      </label>
      <p role="status">{words.letters(fontPxOf(inches, metres))}</p>
      <label>
        <input
          type="checkbox"
          checked={light}
          onChange={() => {
            const theme = light ? 'dark' : 'light';
            setLight(!light);
            applyTheme(theme);
            keepPreference('theme', theme);
          }}
        />{' '}
        {words.lightTheme}
      </label>
      <AlertChoices blocked={blocked} ring={ring} />
      <button type="submit">{words.show}</button>
    </form>
  );
}
