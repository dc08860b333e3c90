import { useLayoutEffect, useRef } from 'preact/hooks';
import { preference } from './preferences.ts';

export interface KeyBinding {
  /** `KeyboardEvent.key`, single letters in lower case; `Shift+n` for a letter with Shift. */
  keys: readonly string[];
  /** The key as the list of keys shows it, and what it does. */
  shown: string;
  does: string;
  /** Holding the key down repeats it. */
  repeats?: boolean;
  run: (event: KeyboardEvent) => void;
}

const active: { current: readonly KeyBinding[] }[] = [];

/** Bindings of what is on the screen, in the order of their registration. */
export function activeKeys(): KeyBinding[] {
  return active.flatMap(({ current }) => current);
}

/** Binds keys while the component is on the screen. Letters do nothing while somebody types in a field, nor when single-letter keys are disabled. */
export function useKeys(bindings: readonly KeyBinding[]): void {
  const held = useRef(bindings);
  held.current = bindings;
  // Bind before the page is painted: a key pressed for what is seen must not reach the screen before.
  useLayoutEffect(() => {
    active.push(held);
    return () => {
      active.splice(active.indexOf(held), 1);
    };
  }, []);
}

/** The only key listener of the page. The last registered binding answers first. */
export function listenToKeys(): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    // A dialog has all keys, also the Escape that closes it.
    if (document.querySelector('dialog[open]') !== null) return;
    const letter = event.key.length === 1;
    const name = letter
      ? event.shiftKey && /[a-z]/i.test(event.key)
        ? `Shift+${event.key.toLowerCase()}`
        : event.key.toLowerCase()
      : event.key;
    if (letter && (preference('singleKeys') === 'off' || writesText(event.target))) return;
    if (event.key !== 'Escape' && usesKeys(event.target, event.key)) return;
    for (const { current } of [...active].reverse()) {
      const binding = current.find(({ keys }) => keys.includes(name));
      if (binding === undefined) continue;
      if (event.repeat && !binding.repeats) return;
      binding.run(event);
      return;
    }
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

function writesText(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'range'].includes(target.type))
  );
}

/** Arrows, Home and the like belong to a focused field, slider or list; so does Enter on anything that can be pressed. */
function usesKeys(target: EventTarget | null, key: string): boolean {
  if (writesText(target) || (target instanceof HTMLInputElement && ['range', 'radio'].includes(target.type)))
    return true;
  return (
    ['Enter', ' '].includes(key) && target instanceof Element && target.closest('button, a, summary, input') !== null
  );
}
