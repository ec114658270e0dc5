import { Page } from '../ui/page.tsx';
import { Loading } from '../ui/problem-view.tsx';

export function DeadLettersPage() {
  return (
    <Page title="Dead letters">
      <Loading />
    </Page>
  );
}
