// The Node receiver to compare with: @octokit/webhooks verifies, bullmq enqueues, then 202.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { Webhooks, createNodeMiddleware } from "@octokit/webhooks";
import { Queue } from "bullmq";

const [socket, cert, key, secret, portFile] = process.argv.slice(2);
const queue = new Queue("deliveries", { connection: { path: socket } });
const webhooks = new Webhooks({ secret });
// The middleware answers when the handlers are done, so that the answer comes after Redis has the job.
webhooks.on("push", async ({ id, payload }) => {
  await queue.add("push", { id, ref: payload.ref, after: payload.after, repository: payload.repository.full_name },
    { jobId: id, removeOnComplete: true });
});
const server = createServer({ cert: readFileSync(cert), key: readFileSync(key), keepAlive: true },
  createNodeMiddleware(webhooks, { path: "/hooks/github" }));
server.keepAliveTimeout = 60000;
await queue.waitUntilReady();
server.listen(0, "127.0.0.1", async () => {
  const { writeFileSync, renameSync } = await import("node:fs");
  writeFileSync(portFile + ".new", String(server.address().port));
  renameSync(portFile + ".new", portFile);
});
process.on("SIGTERM", () => process.exit(0));
