/** Something to be done while others are. */
export interface Job {
  /** Of jobs with the same lane only one is done at a time. */
  readonly lane?: string;
  /** Takes long: better done first. */
  readonly long?: boolean;
  run(): Promise<void>;
}

/** Does the jobs in their order, as far as lanes allow, `atOnce` at a time. Rejects as soon as one does. */
export async function doJobs(jobs: readonly Job[], atOnce: number): Promise<void> {
  const queue = [...jobs];
  const busy = new Set<string | undefined>();
  const take = (): Job | undefined => {
    const at = queue.findIndex(({ lane }) => lane === undefined || !busy.has(lane));
    return at < 0 ? undefined : queue.splice(at, 1)[0];
  };
  const worker = async (): Promise<void> => {
    for (let job = take(); job !== undefined; job = take()) {
      const { lane } = job;
      if (lane !== undefined) busy.add(lane);
      await job.run();
      if (lane !== undefined) busy.delete(lane);
    }
  };
  // A worker that finds nothing to take leaves; the one that holds the lane takes what waits for it.
  await Promise.all(Array.from({ length: atOnce }, worker));
}
