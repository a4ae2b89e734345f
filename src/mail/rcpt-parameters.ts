/**
 * DSN parameters by recipient for nodemailer's SMTPConnection, which has one set for all recipients of a message: it
 * asks its method `_getDsnRcptToArgs` once for each RCPT command, in the order of the envelope.
 */
import type SMTPConnection from "nodemailer/lib/smtp-connection";

/** For the message that is sent next. @param parameters with a leading space, or "", for each recipient. */
export function giveParameters(smtp: SMTPConnection, parameters: readonly string[]): void {
  let next = 0;
  Object.defineProperty(smtp, "_getDsnRcptToArgs", {
    configurable: true,
    value: () => {
      const given = parameters[next++] ?? "";
      return extensionsOf(smtp).includes("DSN") ? given : "";
    },
  });
}

function extensionsOf(smtp: object): readonly unknown[] {
  const extensions: unknown = Reflect.get(smtp, "_supportedExtensions");
  return Array.isArray(extensions) ? extensions : [];
}
