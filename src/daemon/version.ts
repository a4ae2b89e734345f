import { createRequire } from "node:module";

/** Version of this package, as peers and the console see it. */
export const { version } = createRequire(import.meta.url)("../../package.json") as { readonly version: string };
