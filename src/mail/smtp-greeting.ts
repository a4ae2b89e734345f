/** The beginning of an SMTP conversation over a socket that we opened ourselves. */
import type { Socket } from "node:net";
import type SMTPConnection from "nodemailer/lib/smtp-connection";

/**
 * Waits for the greeting and for EHLO. Rejects with what went wrong, also when the socket ends before nodemailer looks
 * at it: it does so a turn of the event loop after it was given the socket, and hears nothing of an end before that.
 */
export function greeted(smtp: SMTPConnection, socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error("the connection ended before its greeting"));
    if (socket.destroyed) return ended();
    socket.once("close", ended);
    smtp.once("error", reject);
    smtp.connect((error) => (error ? reject(error) : resolve()));
  });
}
