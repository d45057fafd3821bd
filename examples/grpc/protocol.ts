/**
 * The messages of the gRPC example, encoded by npm's `@bufbuild/protobuf`. They are described here as data; the descriptions that
 * `protoc-gen-es` generates from `.proto` files serve as well.
 */
import { create, createFileRegistry, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

/** The fields of a message by their names, numbered in order. */
type Fields = Readonly<Record<string, Type>>;

/** Turns values of one type to bytes and back. */
export interface Codec {
  encode(value: Values): Uint8Array;
  decode(bytes: Uint8Array): Values;
}

/** The values of a message by the names of its fields. */
export type Values = Readonly<Record<string, unknown>>;

const HEALTH = describe("grpc.health.v1", {
  HealthCheckRequest: { service: Type.STRING },
  HealthCheckResponse: { status: Type.INT32 }, // an enum on the wire is an int32
});
const EXAMPLE = describe("drover.example", {
  Text: { text: Type.STRING },
  Count: { messages: Type.INT32, characters: Type.INT32 },
});

/** The codec of a message type, by its full name. */
export function codec(name: string): Codec {
  const type = HEALTH.getMessage(name) ?? EXAMPLE.getMessage(name);
  if (type === undefined) throw new TypeError(`There is no message ${name}`);
  return codecOf(type);
}

function codecOf(type: DescMessage): Codec {
  return {
    encode: (value) => toBinary(type, create(type, value)),
    decode(bytes) {
      const { $typeName: _, ...values } = fromBinary(type, bytes);
      return values;
    },
  };
}

function describe(pkg: string, messages: Readonly<Record<string, Fields>>) {
  const messageType = Object.entries(messages).map(([name, fields]) => ({
    name,
    field: Object.entries(fields).map(([name, type], index) => {
      return { name, jsonName: name, number: index + 1, type, label: Label.OPTIONAL };
    }),
  }));
  const file = create(FileDescriptorProtoSchema, {
    name: `${pkg}.proto`,
    package: pkg,
    syntax: "proto3",
    messageType,
  });
  return createFileRegistry(file, () => undefined);
}
