// Parses messages with Node's own parser, llhttp. Reads cases from its input, each as its length in four bytes and its bytes, and
// writes a line of JSON for each.

const { HTTPParser, methods } = require("_http_common");

const LARGEST_HEAD = 1 << 20;

function parse(bytes) {
  const messages = [];
  let message = null;
  let lines = [];
  let url = "";
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {}, LARGEST_HEAD, HTTPParser.kLenientNone);
  parser[HTTPParser.kOnHeaders] = (more, part) => {
    if (message !== null) return void message.trailers.push(...more);
    lines.push(...more);
    url += part ?? "";
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major,
    minor,
    more,
    method,
    part,
    _status,
    _text,
    upgrade,
    persists,
  ) => {
    const fields = [...lines, ...(more ?? [])];
    const target = url + (part ?? "");
    message = {
      method: methods[method],
      target,
      minor,
      fields,
      upgrade,
      persists,
      body: "",
      trailers: [],
      complete: false,
    };
    messages.push(message);
    lines = [];
    url = "";
    return 0;
  };
  parser[HTTPParser.kOnBody] = (part) => {
    message.body += part.toString("latin1");
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    message.complete = true;
    message = null;
  };
  const result = parser.execute(bytes);
  return { messages, error: result instanceof Error ? result.code : null };
}

let input = Buffer.alloc(0);
process.stdin.on("data", (chunk) => {
  input = Buffer.concat([input, chunk]);
  let output = "";
  while (input.length >= 4 && input.length >= 4 + input.readUInt32BE(0)) {
    const end = 4 + input.readUInt32BE(0);
    output += `${JSON.stringify(parse(input.subarray(4, end)))}\n`;
    input = input.subarray(end);
  }
  process.stdout.write(output);
});
