import { createRequire } from "node:module";

const manifest: { readonly version: string } = createRequire(import.meta.url)("../../package.json");

/** Version of this package, as peers and the console see it. */
export const version = manifest.version;
