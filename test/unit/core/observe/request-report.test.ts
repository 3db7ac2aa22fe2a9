import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RequestMetrics } from "../../../../src/core/observe/metrics.ts";
import { addReport, SampleRecorder, takeReport } from "../../../../src/core/observe/request-report.ts";
import { RequestSamples } from "../../../../src/core/observe/request-samples.ts";
import { TableMetrics } from "../../../../src/core/observe/table-metrics.ts";
import { families } from "../../../../src/status/metrics/families.ts";
import { metricsText } from "../../../../src/status/metrics/text-format.ts";

/** Counts something of every kind. */
function work(metrics: RequestMetrics, times: number): void {
  for (let i = 0; i < times; i++) {
    metrics.countAttempt(i % 2 === 0 ? "" : "api");
    metrics.samples?.attempted({ component: i % 2 === 0 ? "" : "api", applicationId: "app" }, 1000);
    metrics.countResponse([200, 302, 404, 500, 101][i % 5]!);
    metrics.samples?.answered("api", 200, 3, 1000);
    metrics.observeLatency(i % 2 === 0 ? "" : "api", i);
    metrics.observeGorouterTime(i);
    metrics.observeLookup(i * 1000);
    metrics.observeHttpLatency("source", i / 10);
    metrics.rejectedRequests += 1;
    metrics.badGateways += 2;
    metrics.backendExhaustedConns += 3;
    metrics.websocketUpgrades += 4;
  }
}

const text = (metrics: RequestMetrics): string => metricsText(families(metrics, new TableMetrics()));

describe("metrics of several workers", () => {
  it("add up to what one would have counted, whenever they are reported", () => {
    const alone = new RequestMetrics();
    const sum = new RequestMetrics();
    const workers = [new RequestMetrics(), new RequestMetrics()];
    for (const [times, place] of [
      [3, 0],
      [5, 1],
      [0, 0],
      [7, 0],
    ] as const) {
      work(alone, times);
      work(workers[place]!, times);
      const report = takeReport(workers[place]!, undefined);
      addReport(sum, JSON.parse(JSON.stringify(report)), 1000);
    }
    assert.equal(text(sum), text(alone));
    // What was reported is not reported again.
    for (const worker of workers) addReport(sum, takeReport(worker, undefined), 1000);
    assert.equal(text(sum), text(alone));
  });

  it("samples of single requests arrive as they were taken", () => {
    const recorder = new SampleRecorder();
    const worker = new RequestMetrics();
    worker.samples = recorder;
    work(worker, 4);
    const sum = new RequestMetrics();
    const samples = new RequestSamples(() => 0.5);
    sum.samples = samples;
    addReport(sum, JSON.parse(JSON.stringify(takeReport(worker, recorder))), 1000);
    assert.equal(samples.components.get("api")?.requests, 2);
    assert.deepEqual(samples.components.get("api")?.responses, [4, 0, 0, 0, 0]);
    assert.deepEqual(samples.apps.top(1, 1000), [{ applicationId: "app", requests: 4 }]);
    assert.deepEqual(recorder.take(), []);
  });
});
