/** `code` of an error of Node or of a library ("EADDRINUSE"), or undefined. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

const OUT_OF_DESCRIPTORS = new Set(["EMFILE", "ENFILE"]);

/** This process, or this host, has no descriptor left: what was tried says nothing about anybody else. */
export function isOutOfDescriptors(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (OUT_OF_DESCRIPTORS.has(codeOf(at) ?? "")) return true;
  }
  return false;
}
