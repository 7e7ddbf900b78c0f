import protobuf from 'protobufjs'

/** One node of BuildKit's graph; its name begins with `[k/n]` for the k-th instruction that makes files. */
export interface Vertex {
  digest: string
  name: string
  cached: boolean
  started?: Timestamp
  completed?: Timestamp
  error: string
}

/** Seconds and nanoseconds since 1970. */
export interface Timestamp {
  seconds: number
  nanos: number
}

/** What BuildKit tells of its progress in one message. */
export interface BuildkitStatus {
  vertexes: Vertex[]
  logs: { vertex: string; stream: number; msg: Uint8Array }[]
}

// The parts that are read here of moby/buildkit, api/services/control/control.proto. The client decodes the messages too,
// but hands on the logs of steps in base64 and nothing of the rest (dockerode 5.0.1, lib/buildkit.js).
const definition = `
  syntax = "proto3";
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message Vertex {
    string digest = 1; string name = 3; bool cached = 4; Timestamp started = 5; Timestamp completed = 6; string error = 7;
  }
  message VertexLog { string vertex = 1; int64 stream = 3; bytes msg = 4; }
  message StatusResponse { repeated Vertex vertexes = 1; repeated VertexLog logs = 3; }
`
const statusResponse = protobuf.parse(definition).root.lookupType('StatusResponse')

/** Decodes the base64 of a `moby.buildkit.trace` message, which may be empty. */
export function decodeStatus(base64: string): BuildkitStatus {
  const decoded = statusResponse.decode(Buffer.from(base64, 'base64'))
  const options = { longs: Number, arrays: true, defaults: true }
  const { vertexes, logs } = statusResponse.toObject(decoded, options) as BuildkitStatus
  return { vertexes, logs }
}

/** Milliseconds from a vertex's start to its end. */
export function vertexMs({ started, completed }: Vertex): number {
  if (!started || !completed) return 0
  return Math.max(0, Math.round((completed.seconds - started.seconds) * 1000 + (completed.nanos - started.nanos) / 1e6))
}
