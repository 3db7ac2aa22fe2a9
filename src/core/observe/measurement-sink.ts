/**
 * Takes single measurements where a counter or a histogram does not say enough: the envelope-v1 emitter (control-plane
 * §5.2). Nobody listens as a rule, and a measurement then costs one comparison.
 */
export interface MeasurementSink {
  /** A value at this moment; `unit` as in the table of §5.2, maybe empty. */
  value(name: string, value: number, unit: string): void;
  /** An increment that is sent at once and not added up with others. */
  count(name: string, delta: number): void;
}
