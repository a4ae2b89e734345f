/** An SMTP reply that says no. Thrown inside a handler; smtp-server sends `responseCode` and `message`. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  /** @param reason short word for the counter `refused-<reason>`. */
  constructor(
    readonly responseCode: number,
    status: string,
    text: string,
    readonly reason: string,
  ) {
    super(`${status} ${text}`);
  }
}
