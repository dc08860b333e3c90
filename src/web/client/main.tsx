import { render } from 'preact';
import { WorklistPage } from './worklistPage.tsx';

const page = document.getElementById('page');
if (page) render(<WorklistPage />, page);
