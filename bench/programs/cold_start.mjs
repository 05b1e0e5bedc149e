/** Loads a module and makes what it makes, in a process that does nothing else, and says how long that took. */

import process from "node:process";

const options = {
  endpoint: "http://127.0.0.1:9",
  region: "us-east-1",
  bucket: "bench",
  forcePathStyle: true,
  credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
};
const start = performance.now();
const { make } = await import(process.argv[2]);
make(options);
const end = performance.now();
// The clock's zero is the start of the process.
console.log(JSON.stringify({ load: end - start, process: end }));
