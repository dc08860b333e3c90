// A few messages of ONNX's protocol buffers (onnx.proto3), enough for a graph without weights.
const varint = (number: number): Buffer =>
  Buffer.from(number < 128 ? [number] : [(number & 127) | 128, ...varint(Math.floor(number / 128))]);
const bytesField = (field: number, bytes: Uint8Array | string): Buffer =>
  Buffer.concat([varint(field * 8 + 2), varint(Buffer.from(bytes as string).length), Buffer.from(bytes as string)]);
const numberField = (field: number, number: number): Buffer => Buffer.concat([varint(field * 8), varint(number)]);

/** NodeProto: input 1, output 2, op_type 4, attribute 5 (name 1, i 3, ints 8, type 20: 2 INT, 7 INTS). */
export function node(
  operator: string,
  inputs: string[],
  outputs: string[],
  attributes: Record<string, number | number[]>,
): Buffer {
  return Buffer.concat([
    ...inputs.map((name) => bytesField(1, name)),
    ...outputs.map((name) => bytesField(2, name)),
    bytesField(4, operator),
    ...Object.entries(attributes).map(([name, given]) =>
      bytesField(
        5,
        Buffer.concat([
          bytesField(1, name),
          ...(typeof given === 'number'
            ? [numberField(3, given), numberField(20, 2)]
            : [...given.map((one) => numberField(8, one)), numberField(20, 7)]),
        ]),
      ),
    ),
  ]);
}

/** ValueInfoProto: name 1, type 2 (tensor 1: element 1, shape 2 (dimension 1: size 1, name 2)). */
export function value(name: string, shape: (number | string)[]): Buffer {
  const dimensions = shape.map((size) =>
    bytesField(1, typeof size === 'number' ? numberField(1, size) : bytesField(2, size)),
  );
  return Buffer.concat([
    bytesField(1, name),
    bytesField(2, bytesField(1, Buffer.concat([numberField(1, 1), bytesField(2, Buffer.concat(dimensions))]))),
  ]);
}

/** ModelProto: ir_version 1, graph 7 (node 1, name 2, input 11, output 12), opset_import 8 (version 2). */
export function onnx(nodes: Buffer[], inputs: Buffer[], outputs: Buffer[]): Buffer {
  const graph = Buffer.concat([
    ...nodes.map((one) => bytesField(1, one)),
    bytesField(2, 'handMade'),
    ...inputs.map((one) => bytesField(11, one)),
    ...outputs.map((one) => bytesField(12, one)),
  ]);
  return Buffer.concat([numberField(1, 6), bytesField(7, graph), bytesField(8, numberField(2, 11))]);
}
