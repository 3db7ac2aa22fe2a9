import type { Verdict } from "./health-check.ts";

/** What a registrar counts; read when somebody asks. */
export class RegistrarMetrics {
  /** Health checks by what they found. */
  readonly checks: Record<Verdict, number> = { healthy: 0, unhealthy: 0, errored: 0 };
  /** Messages and calls that went out. */
  readonly sent = { register: 0, unregister: 0 };
  /** Calls of the Routing API that failed; they are repeated. */
  failed = 0;

  countCheck(verdict: Verdict): void {
    this.checks[verdict]++;
  }

  countSent(action: "register" | "unregister"): void {
    this.sent[action]++;
  }

  countFailed(): void {
    this.failed++;
  }
}
