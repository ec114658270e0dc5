import './style/tokens.css';
import './style/base.css';
import './style/controls.css';
import { render } from 'preact';
import { App } from './app.tsx';

const RELOAD_NOT_BEFORE_MS = 5_000;

// Another version was deployed: the files of this one are gone. Once, so that a file that is missing for good does not turn in circles.
addEventListener('vite:preloadError', () => {
  if (performance.now() > RELOAD_NOT_BEFORE_MS) location.reload();
});

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
