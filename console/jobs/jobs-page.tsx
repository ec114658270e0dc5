import { Page } from '../ui/page.tsx';
import { Loading } from '../ui/problem-view.tsx';

export function JobsPage() {
  return (
    <Page title="Jobs">
      <Loading />
    </Page>
  );
}
