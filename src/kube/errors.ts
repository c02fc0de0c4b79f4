/** What the API server answered when it did not do what was asked, without bodies: they may hold secrets. */

/** `status` is the HTTP code, 0 when no answer came: then the write may or may not have happened. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.reason = reason;
  }
}

const has = (error: unknown, status: number, reason?: string): boolean =>
  error instanceof ApiError && error.status === status && (reason === undefined || error.reason === reason);

export const isNotFound = (error: unknown): boolean => has(error, 404);
export const isAlreadyExists = (error: unknown): boolean => has(error, 409, "AlreadyExists");
/** A stale resourceVersion or a lost race; the next pass reads again. */
export const isConflict = (error: unknown): boolean => has(error, 409) && !isAlreadyExists(error);
export const isForbidden = (error: unknown): boolean => has(error, 403);
/** No answer, or one that says "later". */
export const isPassing = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
