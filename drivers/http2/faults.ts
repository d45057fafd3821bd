/**
 * Faults of the peer that are found in more than one place.
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import type { Options } from "../../options.ts";
import { ConnectionError, ErrorCode, StreamError } from "./error_code.ts";

/** Another frame in the middle of a field block. */
export function interrupted(): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, "A field block was interrupted (RFC 9113 §6.10)");
}

/** A list of fields beyond its limits. */
export function tooLarge(options: Options): HttpError {
  return new HttpError(
    431,
    `The head has more than ${options.headerSizeLimit} bytes or ${options.headerCountLimit} fields (RFC 6585 §5)`,
  );
}

// "A request or response is also malformed if the value of a content-length header field does not equal the
// sum of the DATA frame payload lengths that form the content" (RFC 9113 §8.1.1)
/** A body that is not as long as was declared. */
export function wrongLength(streamId: number): StreamError {
  return new StreamError(
    streamId,
    ErrorCode.PROTOCOL_ERROR,
    "The body is not as long as content-length says (RFC 9113 §8.1.1)",
  );
}

// RFC 9113 §5.3.2 keeps only "some of the mandatory handling" of stream dependencies, "to ensure that
// implementations [...] remain interoperable", and does not say what a stream that depends on itself is. A
// sender that says so is broken; tools that test for conformance expect this error (RFC 9113 §5.4.2), from a
// PRIORITY frame as well.
/** A stream that is said to depend on itself. */
export function selfDependency(streamId: number): StreamError {
  return new StreamError(
    streamId,
    ErrorCode.PROTOCOL_ERROR,
    "A stream cannot depend on itself (RFC 9113 §5.3.2, §6.3)",
  );
}

/** What the handler of a malformed request is told: its body will not be complete. */
export function faultOf(error: StreamError): HttpError {
  return new HttpError(400, error.message, { cause: error });
}

/** Trailers where or as there may be none. */
export function badTrailers(streamId: number, message: string): StreamError {
  return new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, message);
}
