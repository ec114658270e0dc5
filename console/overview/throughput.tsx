import type { Minute } from '../api/overview.ts';

const WIDTH = 600;
const HEIGHT = 120;
const GAP = 2;

/** What ended in each of the last sixty minutes. */
export function Throughput({ minutes }: { readonly minutes: readonly Minute[] }) {
  const most = Math.max(1, ...minutes.map(totalOf));
  const slot = WIDTH / Math.max(1, minutes.length);
  const sum = (of: (minute: Minute) => number): number => minutes.reduce((total, minute) => total + of(minute), 0);
  const succeeded = sum((minute) => minute.succeeded);
  const dead = sum((minute) => minute.dead);
  const others = sum(otherOf);
  const words = `In the last hour ${count(succeeded)} succeeded, ${count(dead)} became dead letters, ${count(others)} were cancelled or given up.`;
  return (
    <figure class="throughput">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words}>
        {minutes.map((minute, at) => (
          <Bar key={minute.at} minute={minute} x={at * slot} width={slot - GAP} scale={(HEIGHT - 2) / most} />
        ))}
        <rect class="ground" x={0} y={HEIGHT - 1} width={WIDTH} height={1} />
      </svg>
      <div class="axis" aria-hidden="true">
        <span>an hour ago</span>
        <span>most in a minute: {count(most === 1 && sum(totalOf) === 0 ? 0 : most)}</span>
        <span>now</span>
      </div>
      <figcaption class="legend">
        <span class="succeeded">{count(succeeded)} succeeded</span>
        <span class="ended">{count(others)} cancelled or given up</span>
        <span class="died">{count(dead)} became dead letters</span>
      </figcaption>
    </figure>
  );
}

interface BarProps {
  readonly minute: Minute;
  readonly x: number;
  readonly width: number;
  readonly scale: number;
}

/** The worst on top: a few among many are still seen, at least two units high. */
function Bar({ minute, x, width, scale }: BarProps) {
  const parts = [
    ['succeeded', minute.succeeded],
    ['ended', otherOf(minute)],
    ['died', minute.dead],
  ] as const;
  let y = HEIGHT - 1;
  const at = new Date(minute.at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return (
    <g>
      <rect class="slot" x={x} y={0} width={width + GAP} height={HEIGHT}>
        <title>
          {`${at}: ${minute.succeeded} succeeded, ${minute.dead} dead, ${otherOf(minute)} cancelled or given up`}
        </title>
      </rect>
      {parts
        .filter(([, value]) => value > 0)
        .map(([name, value]) => {
          const height = Math.max(2, value * scale);
          y -= height;
          return (
            <rect
              key={name}
              class={name}
              x={x}
              y={Math.max(0, y)}
              width={width}
              height={height}
              pointer-events="none"
            />
          );
        })}
    </g>
  );
}

function otherOf({ failed, cancelled }: Minute): number {
  return failed + cancelled;
}

function totalOf(minute: Minute): number {
  return minute.succeeded + minute.dead + otherOf(minute);
}

function count(value: number): string {
  return value.toLocaleString('en');
}
