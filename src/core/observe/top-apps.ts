/** Requests are counted over twelve spans of five seconds. */
const spans = 12;
const spanMs = 5000;

interface Counted {
  readonly counts: Uint32Array;
  /** Number of the span counted last. */
  latest: number;
}

/** How many requests each app got within about the last minute (control-plane §4.4, `top10_app_requests`). */
export class TopApps {
  readonly #apps = new Map<string, Counted>();

  /** `now`: milliseconds of a clock that never jumps. */
  add(applicationId: string, now: number): void {
    let app = this.#apps.get(applicationId);
    const span = Math.floor(now / spanMs);
    if (app === undefined) {
      app = { counts: new Uint32Array(spans), latest: span };
      this.#apps.set(applicationId, app);
    }
    forget(app, span);
    app.counts[span % spans]! += 1;
  }

  /** The apps with most requests first; those without any are forgotten. */
  top(number: number, now: number): { readonly applicationId: string; readonly requests: number }[] {
    const span = Math.floor(now / spanMs);
    const found: { applicationId: string; requests: number }[] = [];
    for (const [applicationId, app] of this.#apps) {
      forget(app, span);
      const requests = app.counts.reduce((sum, count) => sum + count, 0);
      if (requests > 0) found.push({ applicationId, requests });
      else this.#apps.delete(applicationId);
    }
    return found.sort((a, b) => b.requests - a.requests).slice(0, number);
  }
}

/** Clears the spans that have passed since the app was last looked at. */
function forget(app: Counted, span: number): void {
  const passed = Math.min(span - app.latest, spans);
  for (let i = 1; i <= passed; i++) app.counts[(app.latest + i) % spans] = 0;
  app.latest = span;
}
