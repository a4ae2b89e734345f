/**
 * The data phase of both SMTP libraries, with our own treatment of dots: smtp-server cuts a message at each dot that it
 * takes off, in a turn of the loop of its own and past all limits of memory, and nodemailer at each that it puts on.
 */
import type { Transform } from "node:stream";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import { DotRemover, DotStuffer } from "./dots.js";

/** Content goes on in pieces of at least so many bytes, the last one apart. */
export const GATHERED_BYTES = 64 * 1024;

/** Makes a parser gather what it hands on of the data of a message. @returns the parser. */
export function gatherData(parser: SMTPStream): SMTPStream {
  const startDataMode = parser.startDataMode.bind(parser);
  let content = new DotRemover();
  parser.startDataMode = (maxBytes) => {
    content = new DotRemover();
    return startDataMode(maxBytes);
  };
  parser._feedDataStream = (chunk, done) => {
    const end = content.feed(chunk);
    if (end < 0 && content.length < GATHERED_BYTES) return done();
    const piece = content.take();
    parser._countDataBytes(piece.length);
    if (end >= 0) return parser._endDataMode(piece, chunk.subarray(end), done);
    handOn(parser, piece, done);
  };
  return parser;
}

function handOn({ _dataStream: stream }: SMTPStream, piece: Buffer, done: () => void): void {
  if (stream === null || !stream.writable || stream.write(piece) || stream.destroyed) return done();
  const ready = () => {
    // A stream that is destroyed never drains, it only closes.
    stream.off("drain", ready);
    stream.off("close", ready);
    done();
  };
  stream.once("drain", ready);
  stream.once("close", ready);
}

type CreateSendStream = (this: SMTPConnection, callback: unknown) => Transform;

const createSendStream = internalOf(SMTPConnection.prototype, "_createSendStream");

/** A client connection whose messages cost the same for each byte, whatever it is. */
export class SmtpClient extends SMTPConnection {
  protected _createSendStream(callback: unknown): Transform {
    const stream = createSendStream.call(this, callback);
    const stuffer = new DotStuffer();
    stream._transform = (chunk: Uint8Array, _encoding, done) => done(null, stuffer.feed(chunk));
    stream._flush = (done) => done(null, stuffer.end());
    return stream;
  }
}

/** The library's declarations leave it out; without it every message would take the library's own way unseen. */
function internalOf(prototype: object, name: string): CreateSendStream {
  const found: unknown = Reflect.get(prototype, name);
  if (!isMethod(found)) throw new TypeError(`nodemailer's SMTPConnection has no ${name}`);
  return found;
}

function isMethod(found: unknown): found is CreateSendStream {
  return typeof found === "function";
}
