import './print.css';
import { useEffect, useState } from 'preact/hooks';
import { zonedTime } from './parts/format.ts';
import { shellWords } from './parts/shellWords.ts';

/** On paper: source and time of the print, because paper does not change with the list. */
export function Printed() {
  const [atMs, setAtMs] = useState(Date.now());
  useEffect(() => {
    const printing = () => setAtMs(Date.now());
    window.addEventListener('beforeprint', printing);
    return () => window.removeEventListener('beforeprint', printing);
  }, []);
  return <p class="printed">{shellWords.printed(zonedTime(atMs))}</p>;
}
