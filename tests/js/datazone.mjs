// Calls DataZone operations as the lines of stdin say, with the SDK as it comes, and answers each
// with a line: {"output": ...} or {"error": ...}. A Date is {"date": ISO}, bytes are {"bytes": base64}.
import { createInterface } from "node:readline";
import * as sdk from "@aws-sdk/client-datazone";

const { endpoint, keyId, secret, token, skew } = JSON.parse(process.argv[2]);
const client = new sdk.DataZoneClient({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: keyId, secretAccessKey: secret, sessionToken: token },
  systemClockOffset: skew ?? 0,
});

function sent(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(sent);
  if ("bytes" in value) return Buffer.from(value.bytes, "base64");
  if ("date" in value) return new Date(value.date);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, sent(each)]));
}

function told(value) {
  if (value instanceof Date) return { date: value.toISOString() };
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(told);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, told(each)]));
}

for await (const line of createInterface({ input: process.stdin })) {
  const { operation, input } = JSON.parse(line);
  try {
    const output = await client.send(new sdk[`${operation}Command`](sent(input)));
    console.log(JSON.stringify({ output: told(output) }));
  } catch (error) {
    const { name, message, $metadata } = error;
    console.log(JSON.stringify({ error: { name, message, ...$metadata } }));
  }
}
