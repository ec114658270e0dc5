import { Page } from '../ui/page.tsx';
import { Loading } from '../ui/problem-view.tsx';

export function JobPage() {
  return (
    <Page title="Job">
      <Loading />
    </Page>
  );
}
