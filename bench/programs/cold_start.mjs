/**
 * Loads a module and makes what it makes, in a process that does nothing else, and says what
 * processor's time that took: unlike the clock's it does not tell of what else the machine does.
 */

import process from "node:process";

const options = {
  endpoint: "http://127.0.0.1:9",
  region: "us-east-1",
  bucket: "bench",
  forcePathStyle: true,
  credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
};
const start = process.cpuUsage();
const { make } = await import(process.argv[2]);
make(options);
const load = process.cpuUsage(start);
const milliseconds = ({ user, system }) => (user + system) / 1_000;
console.log(JSON.stringify({
  load: milliseconds(load),
  process: milliseconds(process.cpuUsage()),
}));
