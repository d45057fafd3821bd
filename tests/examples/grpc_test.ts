/** `examples/grpc.ts`, called by the real `@grpc/grpc-js`. */

import { Buffer } from "node:buffer";
import * as grpc from "@grpc/grpc-js";
import { codec, type Values } from "../../examples/grpc/protocol.ts";
import { assertEquals } from "../support/assert.ts";
import { within } from "../support/deadline.ts";
import { withProgram } from "../support/program.ts";

function method(path: string, request: string, response: string, streams: [boolean, boolean]) {
  const [input, output] = [codec(request), codec(response)];
  return {
    path,
    requestStream: streams[0],
    responseStream: streams[1],
    requestSerialize: (value: Values) => Buffer.from(input.encode(value)),
    requestDeserialize: (bytes: Uint8Array) => input.decode(bytes),
    responseSerialize: (value: Values) => Buffer.from(output.encode(value)),
    responseDeserialize: (bytes: Uint8Array) => output.decode(bytes),
  };
}

const HEALTH = ["grpc.health.v1.HealthCheckRequest", "grpc.health.v1.HealthCheckResponse"] as const;
const TEXT = "drover.example.Text";

const Client = grpc.makeGenericClientConstructor({
  check: method("/grpc.health.v1.Health/Check", ...HEALTH, [false, false]),
  watch: method("/grpc.health.v1.Health/Watch", ...HEALTH, [false, true]),
  missing: method("/grpc.health.v1.Health/Missing", ...HEALTH, [false, false]),
  chat: method("/drover.example.Echo/Chat", TEXT, TEXT, [true, true]),
  collect: method("/drover.example.Echo/Collect", TEXT, "drover.example.Count", [true, false]),
}, "test");

type Callback = (error: grpc.ServiceError | null, value?: Values) => void;

/** What the client's methods are. */
interface Calls {
  check(request: Values, callback: Callback): grpc.ClientUnaryCall;
  missing(request: Values, callback: Callback): grpc.ClientUnaryCall;
  watch(request: Values, options?: grpc.CallOptions): grpc.ClientReadableStream<Values>;
  chat(): grpc.ClientDuplexStream<Values, Values>;
  collect(callback: Callback): grpc.ClientWritableStream<Values>;
  close(): void;
}

/** Runs a test with the example as a process of its own, and a client. */
async function withClient(run: (client: Calls) => Promise<void>): Promise<void> {
  await withProgram("examples/grpc.ts", ["--port", "0"], async (line) => {
    const address = /(127\.0\.0\.1:\d+)/.exec(line)?.[1] ?? "";
    const client = new Client(address, grpc.credentials.createInsecure()) as unknown as Calls;
    try {
      await within("the calls", run(client), 20_000);
    } finally {
      client.close();
    }
  });
}

/** The outcome of a unary call. */
function ask(
  call: (callback: Callback) => unknown,
): Promise<{ code: number; details: string; value?: Values }> {
  return new Promise((resolve) =>
    call((error, value) =>
      resolve(
        error === null
          ? { code: 0, details: "", ...(value && { value }) }
          : { code: error.code, details: error.details },
      )
    )
  );
}

// grpc-js keeps its channel's timers and sockets until a turn after close()
const options = { sanitizeOps: true, sanitizeResources: true };

Deno.test(
  "unary calls: the health service, an error with its message, a method that is not there",
  options,
  async () => {
    await withClient(async (client) => {
      assertEquals(await ask((done) => client.check({ service: "" }, done)), {
        code: 0,
        details: "",
        value: { status: 1 },
      });
      const unknown = await ask((done) => client.check({ service: "nö such" }, done));
      assertEquals([unknown.code, unknown.details], [grpc.status.NOT_FOUND, "There is no nö such"]);
      assertEquals((await ask((done) => client.missing({}, done))).code, grpc.status.UNIMPLEMENTED);
    });
  },
);

Deno.test("a hundred calls at once on one connection", async () => {
  await withClient(async (client) => {
    const all = Array.from({ length: 100 }, () => ask((done) => client.check({ service: "" }, done)));
    assertEquals((await Promise.all(all)).filter(({ code }) => code !== 0), []);
  });
});

Deno.test("messages in both directions, each answered as it comes", async () => {
  await withClient(async (client) => {
    const call = client.chat();
    const answers = call[Symbol.asyncIterator]();
    for (let index = 0; index < 200; index++) {
      call.write({ text: `message ${index}` });
      assertEquals((await answers.next()).value, { text: `you said message ${index}` });
    }
    const large = "x".repeat(1_000_000);
    call.write({ text: large });
    assertEquals((await answers.next()).value.text.length, "you said ".length + large.length);
    call.end();
    assertEquals((await answers.next()).done, true);
  });
});

Deno.test("many messages and one answer", async () => {
  await withClient(async (client) => {
    const { value, details } = await ask((done) => {
      const call = client.collect(done);
      for (let index = 0; index < 5_000; index++) call.write({ text: "four" });
      call.end();
    });
    assertEquals([details, value], ["", { messages: 5_000, characters: 20_000 }]);
  });
});

Deno.test("a stream of the server ends by the client's deadline, and by its cancelling", async () => {
  await withClient(async (client) => {
    const endings = [["deadline", grpc.status.DEADLINE_EXCEEDED], ["cancel", grpc.status.CANCELLED]] as const;
    for (const [end, code] of endings) {
      const call = client.watch({ service: "" }, end === "deadline" ? { deadline: Date.now() + 300 } : {});
      const ended = new Promise<number>((resolve) =>
        call.on("error", ({ code }: grpc.ServiceError) => resolve(code))
      );
      const first = await new Promise<Values>((resolve) => call.once("data", resolve));
      assertEquals(first, { status: 1 });
      if (end === "cancel") call.cancel();
      assertEquals(await ended, code);
    }
  });
});
