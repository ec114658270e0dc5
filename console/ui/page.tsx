import './page.css';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

interface PageProps {
  readonly title: string;
  /** Beside the title: the state. */
  readonly badge?: ComponentChildren;
  /** Where this page belongs. */
  readonly parent?: { readonly href: string; readonly title: string };
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** The frame of every page: its title (the document's, too), what can be done, and the content. */
export function Page({ title, badge, parent, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Stowage`;
  }, [title]);
  return (
    <div class="page">
      <header class="page-head">
        <div>
          {parent !== undefined && (
            <p class="crumb">
              <a href={parent.href}>{parent.title}</a>
            </p>
          )}
          <div class="title">
            <h1 tabIndex={-1}>{title}</h1>
            {badge}
          </div>
        </div>
        {actions !== undefined && <div class="row">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

interface PanelProps {
  readonly title: string;
  readonly aside?: ComponentChildren;
  /** Tables go to the edge. */
  readonly isFlush?: boolean;
  readonly children: ComponentChildren;
}

export function Panel({ title, aside, isFlush = false, children }: PanelProps) {
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {isFlush ? children : <div class="body">{children}</div>}
    </section>
  );
}

/** Pairs of name and value. One without a value is left out. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A document as it is. */
export function Json({ value, label }: { readonly value: unknown; readonly label: string }) {
  return (
    <pre class="json" tabIndex={0} role="group" aria-label={label}>
      {JSON.stringify(value, null, 2)}
    </pre>
  );
}
