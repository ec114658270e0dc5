import { Component, type ComponentChildren } from 'preact';
import { Problem } from '../api/problem.ts';
import { ProblemView } from './problem-view.tsx';

interface CrashProps {
  /** Another page is another chance. */
  readonly place: string;
  readonly children: ComponentChildren;
}

interface CrashState {
  readonly problem?: Problem;
  readonly place: string;
}

/** A page that cannot be drawn takes only itself away, and says so. */
export class Crash extends Component<CrashProps, CrashState> {
  override state: CrashState = { place: this.props.place };

  static override getDerivedStateFromProps({ place }: CrashProps, state: CrashState): CrashState | null {
    return place === state.place ? null : { place };
  }

  override componentDidCatch(error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
    const problem = new Problem({
      title: 'This page failed',
      status: 0,
      code: 'page-failed',
      detail,
      advice: 'Load it again; if that does not help, the same is to be had by the API and the CLI.',
    });
    this.setState({ problem });
  }

  override render({ children }: CrashProps, { problem, place }: CrashState) {
    if (problem === undefined || place !== this.props.place) return children;
    return <ProblemView problem={problem} onRetry={() => location.reload()} />;
  }
}
