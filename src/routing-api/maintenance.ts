import { ApiError } from "./api-error.ts";

/** The locks of backup and restore (routing-api §13.1): in memory, for router groups only. */
export class MaintenanceLocks {
  groupReads = false;
  groupWrites = false;

  /** @throws ApiError 503 while reads are locked. */
  demandReads(): void {
    if (this.groupReads) throw unavailable();
  }

  /** @throws ApiError 503 while reads or writes are locked. */
  demandWrites(): void {
    if (this.groupReads || this.groupWrites) throw unavailable();
  }
}

function unavailable(): ApiError {
  return new ApiError(503, "DBCommunicationError", "database unavailable due to backup or restore");
}
