import { Page } from '../ui/page.tsx';
import { Loading } from '../ui/problem-view.tsx';

export function OverviewPage() {
  return (
    <Page title="Overview">
      <Loading />
    </Page>
  );
}
