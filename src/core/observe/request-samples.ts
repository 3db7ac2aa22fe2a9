import { DecayingSample } from "./decaying-sample.ts";
import { Meter } from "./meter.ts";
import type { RequestSampling, SampledEndpoint } from "./metrics.ts";
import { TopApps } from "./top-apps.ts";

/** What is known of the requests of one `component` tag. */
export class ComponentSamples {
  requests = 0;
  /** Responses of the classes 2xx to 5xx, then all others. */
  readonly responses: [number, number, number, number, number] = [0, 0, 0, 0, 0];
  readonly meter = new Meter();
  readonly latency: DecayingSample;

  constructor(random: () => number) {
    this.latency = new DecayingSample(random);
  }

  get rates(): readonly [number, number, number] {
    return this.meter.rates;
  }
}

/**
 * What only the deprecated varz component asks for (control-plane §4.4): samples and rates that counters cannot give.
 * Kept only while it is on.
 */
export class RequestSamples implements RequestSampling {
  readonly components = new Map<string, ComponentSamples>();
  readonly apps = new TopApps();
  /** Seconds. */
  readonly latency: DecayingSample;
  readonly meter = new Meter();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
    this.latency = new DecayingSample(random);
  }

  attempted({ component, applicationId }: SampledEndpoint, now: number): void {
    if (component !== "") this.#component(component).requests += 1;
    if (applicationId !== "") this.apps.add(applicationId, now);
  }

  answered(component: string, status: number, milliseconds: number, now: number): void {
    this.latency.add(milliseconds / 1000, now);
    if (component === "") return;
    const samples = this.#component(component);
    samples.latency.add(milliseconds / 1000, now);
    const group = Math.floor(status / 100);
    samples.responses[group >= 2 && group <= 5 ? ((group - 2) as 0 | 1 | 2 | 3) : 4] += 1;
  }

  /** Every `meterTickMs`; `attempts` is the count so far. */
  tick(attempts: number): void {
    this.meter.tick(attempts);
    for (const { meter, requests } of this.components.values()) meter.tick(requests);
  }

  #component(name: string): ComponentSamples {
    let samples = this.components.get(name);
    if (samples === undefined) {
      samples = new ComponentSamples(this.#random);
      this.components.set(name, samples);
    }
    return samples;
  }
}
