/** What the API server answered when it did not do what was asked, without bodies: they may hold secrets. */

/**
 * A request that was not answered with success.
 *
 * `status` is the HTTP code, or 0 when no whole answer came: then a write may or may not have happened, and only a
 * fresh read tells. `reason` is the server's own (`Conflict`, `AlreadyExists`, `Invalid`, …) or, with status 0, one of
 * `NoAnswer` (connection refused, reset, cut), `Timeout`, `Stopped` (the caller gave up) and `Unreadable` (the answer
 * was no JSON). `message` is one line of at most a thousand characters.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  /** Seconds the server asked us to wait (`Retry-After`), where it did. */
  readonly retryAfterSeconds: number | undefined;
  constructor(status: number, reason: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const has = (error: unknown, status: number, reason?: string): boolean =>
  error instanceof ApiError && error.status === status && (reason === undefined || error.reason === reason);

export const isNotFound = (error: unknown): boolean => has(error, 404);
export const isAlreadyExists = (error: unknown): boolean => has(error, 409, "AlreadyExists");
/** A stale resourceVersion or a lost race; the next pass reads again. */
export const isConflict = (error: unknown): boolean => has(error, 409) && !isAlreadyExists(error);
export const isForbidden = (error: unknown): boolean => has(error, 403);
/** The version asked for lies too far back: a watch or a paged list has to begin anew. */
export const isExpired = (error: unknown): boolean =>
  has(error, 410) || (error instanceof ApiError && error.reason === "Expired");
/** No answer, or one that says "later". */
export const isPassing = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
