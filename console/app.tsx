import type { AnyComponent } from 'preact';
import { useEffect } from 'preact/hooks';
import lazy, { ErrorBoundary } from 'preact-iso/lazy';
import { LocationProvider, Route, Router, useLocation } from 'preact-iso/router';
import { forgetQueries } from './live/query.ts';
import { session } from './session/session.ts';
import { resumeSession } from './session/sign.ts';
import { Shell } from './shell/shell.tsx';
import { SignInPage } from './sign-in/sign-in-page.tsx';
import { Crash } from './ui/crash.tsx';
import { Page } from './ui/page.tsx';
import { Empty, Loading } from './ui/problem-view.tsx';

// Every page is a file of its own for the browser: it comes when somebody goes there.
const page = (load: () => Promise<AnyComponent>): AnyComponent => lazy(load);

const ROUTES: readonly { readonly path: string; readonly component: AnyComponent }[] = [
  { path: '/console', component: page(async () => (await import('./overview/overview-page.tsx')).OverviewPage) },
  { path: '/console/jobs', component: page(async () => (await import('./jobs/jobs-page.tsx')).JobsPage) },
  { path: '/console/jobs/new', component: page(async () => (await import('./submit/submit-page.tsx')).SubmitPage) },
  { path: '/console/jobs/:id', component: page(async () => (await import('./jobs/job-page.tsx')).JobPage) },
  {
    path: '/console/dead-letters',
    component: page(async () => (await import('./dead-letters/dead-letters-page.tsx')).DeadLettersPage),
  },
  {
    path: '/console/containers',
    component: page(async () => (await import('./containers/containers-page.tsx')).ContainersPage),
  },
  {
    path: '/console/containers/:id',
    component: page(async () => (await import('./containers/container-page.tsx')).ContainerPage),
  },
  { path: '/console/volumes', component: page(async () => (await import('./volumes/volumes-page.tsx')).VolumesPage) },
  {
    path: '/console/volumes/:name',
    component: page(async () => (await import('./volumes/volume-page.tsx')).VolumePage),
  },
  { path: '/console/images', component: page(async () => (await import('./images/images-page.tsx')).ImagesPage) },
  { path: '/console/images/:digest', component: page(async () => (await import('./images/image-page.tsx')).ImagePage) },
  { path: '/console/hosts', component: page(async () => (await import('./hosts/hosts-page.tsx')).HostsPage) },
  { path: '/console/hosts/:name', component: page(async () => (await import('./hosts/host-page.tsx')).HostPage) },
  {
    path: '/console/recoveries',
    component: page(async () => (await import('./recoveries/recoveries-page.tsx')).RecoveriesPage),
  },
  {
    path: '/console/recoveries/:id',
    component: page(async () => (await import('./recoveries/recovery-page.tsx')).RecoveryPage),
  },
  { path: '/console/events', component: page(async () => (await import('./events/events-page.tsx')).EventsPage) },
  {
    path: '/console/webhooks',
    component: page(async () => (await import('./webhooks/webhooks-page.tsx')).WebhooksPage),
  },
  {
    path: '/console/webhooks/:id',
    component: page(async () => (await import('./webhooks/webhook-page.tsx')).WebhookPage),
  },
  { path: '/console/keys', component: page(async () => (await import('./keys/keys-page.tsx')).KeysPage) },
  { path: '/console/audit', component: page(async () => (await import('./audit/audit-page.tsx')).AuditPage) },
];

export function App() {
  return (
    <LocationProvider scope={/^\/console(\/|$|\?)/}>
      <Gate />
    </LocationProvider>
  );
}

/** Pages are for who is signed in. */
function Gate() {
  const { status } = session.value;
  useEffect(() => void resumeSession(), []);
  useEffect(() => {
    if (status !== 'signed-in') forgetQueries();
  }, [status]);

  switch (session.value.status) {
    case 'unknown':
      return null;
    case 'unreachable':
      return <Unreachable message={session.value.message} />;
    case 'signed-out':
      return <SignInPage hasExpired={session.value.hasExpired} />;
    case 'signed-in':
      return <Pages />;
  }
}

function Pages() {
  const { path } = useLocation();
  return (
    <Shell>
      <Crash place={path}>
        <ErrorBoundary>
          <Router>
            {ROUTES.map(({ path, component }) => (
              <Route key={path} path={path} component={component} />
            ))}
            <Route default component={NotFound} />
          </Router>
        </ErrorBoundary>
      </Crash>
    </Shell>
  );
}

function NotFound() {
  return (
    <Page title="Nothing here">
      <Empty title="There is no such page">
        <a href="/console/">Go to the overview</a>
      </Empty>
    </Page>
  );
}

function Unreachable({ message }: { readonly message: string }) {
  useEffect(() => {
    const timer = setTimeout(() => void resumeSession(), 3_000);
    return () => clearTimeout(timer);
  });
  return (
    <main class="sign-in">
      <Empty title="Stowage does not answer">
        <p>{message}</p>
        <Loading />
      </Empty>
    </main>
  );
}
