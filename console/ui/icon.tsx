/** Drawn on 16 by 16, by lines. Decoration: what it means is always said in words beside it, or by the label of its button. */
const PATHS = {
  check: 'M3.5 8.5l3 3 6-7',
  cross: 'M4 4l8 8M12 4l-8 8',
  stop: 'M5.2 2h5.6L14 5.2v5.6L10.8 14H5.2L2 10.8V5.2zM8 5v3.5M8 11v.2',
  warning: 'M8 2.2L14.5 13.5h-13zM8 6.5v3M8 11.4v.2',
  clock: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 5v3l2 1.5',
  run: 'M8 2a6 6 0 106 6M8 2v3',
  dash: 'M4 8h8',
  dot: 'M8 6.5a1.5 1.5 0 100 3 1.5 1.5 0 000-3z',
  pause: 'M5.5 4v8M10.5 4v8',
  off: 'M8 2.5v5M4.8 4.5a5 5 0 106.4 0',
  overview: 'M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5H9z',
  jobs: 'M2.5 4h2M2.5 8h2M2.5 12h2M7 4h6.5M7 8h6.5M7 12h6.5',
  dead: 'M2.5 3.5h11v9h-11zM2.5 4l5.5 4.5L13.5 4M6 11.5h4',
  volume:
    'M2.5 4.5c0-1.1 2.5-2 5.5-2s5.5.9 5.5 2-2.5 2-5.5 2-5.5-.9-5.5-2zM2.5 4.5v7c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2v-7M2.5 8c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2',
  image: 'M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3',
  container: 'M2 5l6-3 6 3v6l-6 3-6-3zM2 5l6 3 6-3M8 8v6',
  host: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5v.1M5 11v.1',
  webhook: 'M6 5a2.5 2.5 0 114 2l2 3.5M8 5L5.5 10M5 9.5A2.5 2.5 0 107.5 12H12M12 10a2.2 2.2 0 11-1.5 3.5',
  key: 'M5.5 7.5a3 3 0 100 5 3 3 0 000-5zM7.8 8.200L13.5 2.5M11 5l2 2',
  audit: 'M4 2h6l3 3v9H4zM10 2v3h3M6.5 8h4M6.5 11h4',
  event: 'M2 8h3l2-5 3 10 2-5h2',
  search: 'M7 2.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9zM10.3 10.300l3.7 3.7',
  menu: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  light:
    'M8 5a3 3 0 100 6 3 3 0 000-6zM8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.400l1 1M11.6 11.600l1 1M3.4 12.600l1-1M11.6 4.400l1-1',
  moon: 'M13.5 9.5A6 6 0 016.5 2.5a6 6 0 107 7z',
  system: 'M2 3h12v8H2zM6 14h4M8 11v3',
  help: 'M8 2a6 6 0 100 12A6 6 0 008 2zM6.2 6.200a1.9 1.9 0 113 1.600c-.8.5-1.2.8-1.2 1.5M8 11.300v.1',
  user: 'M8 2.5a2.7 2.7 0 100 5.4 2.7 2.7 0 000-5.400zM3 13.5c.5-2.5 2.5-3.8 5-3.800s4.5 1.3 5 3.8',
  out: 'M6 2.5H3v11h3M10 5l3 3-3 3M13 8H6.5',
  external: 'M9 2.5h4.5V7M13.5 2.5L7.5 8.5M6 3.5H2.5v10h10V10',
  redrive: 'M13 8a5 5 0 11-1.5-3.5M13 2v3h-3',
  trash: 'M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.600L12 4',
  edit: 'M10.5 3l2.5 2.5L6 12.5l-3 .5.5-3z',
  plus: 'M8 3v10M3 8h10',
  left: 'M10 3L5 8l5 5',
  right: 'M6 3l5 5-5 5',
  down: 'M3 6l5 5 5-5',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  filter: 'M2 3h12l-4.5 5.5V13l-3-1.5v-3z',
  info: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 7.5v3.5M8 5v.1',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
