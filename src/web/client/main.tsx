import { render } from 'preact';
import { applyTheme, preference } from './preferences.ts';
import { WorklistPage } from './worklistPage.tsx';

applyTheme(preference('theme'));
const page = document.getElementById('page');
if (page) render(<WorklistPage />, page);
