/** A body that nobody will read again, as against a disk that may answer later. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { HoldfastError } from "../../errors.js";
import { codeOf } from "../errno.js";

/** ERR_SPOOL with `damaged` among its facts. */
export function damagedBody(message: string, facts: HoldfastError["facts"]): HoldfastError {
  return new HoldfastError("ERR_SPOOL", message, { ...facts, damaged: true });
}

/**
 * True when the error says that the body is damaged or gone: no later attempt reads it. Other errors of reading (EIO,
 * EMFILE) may pass, and their message is tried again up to its expiry.
 */
export function isDamagedBody(error: unknown): boolean {
  if (!(error instanceof HoldfastError)) return false;
  return error.facts["damaged"] === true || (codeOf(error.cause) === "ENOENT" && isFolderThere(error.cause));
}

/** Where the folder is gone too, a disk is not mounted, perhaps, and no message of it is lost. */
function isFolderThere(cause: unknown): boolean {
  const path = cause instanceof Error && "path" in cause ? cause.path : undefined;
  return typeof path === "string" && existsSync(dirname(path));
}
