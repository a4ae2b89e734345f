export { type EmbeddedOptions, embeddedChannel } from "./engine.js";
