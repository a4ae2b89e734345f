/** The kernel layer's sockets, as the mail side wants them. */
import type { Kernel } from "../kernel/types.js";
import type { SocketBinder } from "../mail/types.js";

export function socketBinder(kernel: Pick<Kernel, "bindSockets" | "releaseSocket" | "closeSockets">): SocketBinder {
  return {
    async bind(endpoints) {
      const wanted = endpoints.map(({ host, port }) => ({ address: host, port }));
      const { results, texts } = await kernel.bindSockets(wanted);
      return Array.from(results, (result) => (result < 0 ? (texts.get(result) ?? `errno ${-result}`) : result));
    },
    release: (fd) => kernel.releaseSocket(fd),
    close: (fds) => kernel.closeSockets(fds),
  };
}
