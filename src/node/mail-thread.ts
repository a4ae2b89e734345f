/** Entry of the mail thread: the mail engine over the kernel layer's sockets, which are this thread's and go with it. */
import { openKernel } from "../kernel/index.js";
import { runMailThread } from "../mail/thread.js";
import { socketBinder } from "./socket-binder.js";

runMailThread({ binder: socketBinder(openKernel()) });
