import './shell.css';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { followEvents, type Liveness, liveness } from '../live/stream.ts';
import { Icon, type IconName } from '../ui/icon.tsx';
import { Toasts } from '../ui/toast.tsx';
import { KeyHelp } from './key-help.tsx';
import { isHelpOpen, listenToKeys } from './keys.ts';
import { Navigation } from './navigation.tsx';
import { Search } from './search.tsx';
import { SessionMenu } from './session-menu.tsx';
import { nextTheme, type Theme, theme } from './theme.ts';

const LIVENESS: Readonly<Record<Liveness, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  paused: 'Paused',
  lost: 'Not live: trying again',
};
const THEMES: Readonly<Record<Theme, { readonly icon: IconName; readonly words: string }>> = {
  system: { icon: 'system', words: 'the system’s' },
  light: { icon: 'light', words: 'light' },
  dark: { icon: 'moon', words: 'dark' },
};

/** What stands around every page. */
export function Shell({ children }: { readonly children: ComponentChildren }) {
  const { url, path, route } = useLocation();
  const searchRef = useRef<HTMLInputElement>(null);
  const mainRef = useRef<HTMLElement>(null);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const isFirst = useRef(true);

  useEffect(() => {
    const stopping = new AbortController();
    void followEvents(stopping.signal);
    return () => stopping.abort();
  }, []);
  useEffect(
    () => listenToKeys({ go: (href) => route(href), search: () => searchRef.current?.focus(), changeTheme: nextTheme }),
    [route],
  );
  useEffect(() => setMenuOpen(false), [url]);
  // A page that comes by a link is announced, and read from its beginning, as one that is loaded.
  useEffect(() => {
    if (!isFirst.current) mainRef.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path]);

  return (
    <div class="shell">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          mainRef.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="bar">
        <button
          type="button"
          class="button bare square menu-button"
          aria-label="Menu"
          aria-expanded={isMenuOpen}
          aria-controls="side"
          onClick={() => setMenuOpen(!isMenuOpen)}
        >
          <Icon name={isMenuOpen ? 'cross' : 'menu'} />
        </button>
        <a class="mark" href="/console/" aria-label="Stowage: overview">
          <img src="/console/mark.svg" alt="" width={22} height={22} />
          <span>Stowage</span>
        </a>
        <Search inputRef={searchRef} />
        <div class="space" />
        <span class={`liveness ${liveness.value}`} role="status">
          <span>{LIVENESS[liveness.value]}</span>
        </span>
        <button
          type="button"
          class="button bare square key-button"
          aria-label="Keys"
          title="Keys (?)"
          onClick={() => {
            isHelpOpen.value = true;
          }}
        >
          <Icon name="help" />
        </button>
        <button
          type="button"
          class="button bare square"
          aria-label={`Theme: ${THEMES[theme.value].words}. Change it`}
          title={`Theme: ${THEMES[theme.value].words} (t)`}
          onClick={nextTheme}
        >
          <Icon name={THEMES[theme.value].icon} />
        </button>
        <SessionMenu />
      </header>
      <div
        id="side"
        class={`side${isMenuOpen ? ' open' : ''}`}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setMenuOpen(false);
        }}
      >
        <Navigation />
      </div>
      {isMenuOpen && <div class="shade" aria-hidden="true" onClick={() => setMenuOpen(false)} />}
      <main id="main" class="main" ref={mainRef} tabIndex={-1}>
        {children}
      </main>
      <Toasts />
      <KeyHelp />
    </div>
  );
}
