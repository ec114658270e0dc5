/** An event of the stream. `subject` is `job:<id>`, `volume:<name>` and so on. */
export interface StowageEvent {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
}
