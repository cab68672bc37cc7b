// SPDX-License-Identifier: MPL-2.0
// wsnode.mjs PORT: an echo by npm's ws, to compare with.  NODE_MODULES says where ws is.
import { createRequire } from "node:module";
const { WebSocketServer } = createRequire(`${process.env.NODE_MODULES}/`)("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false, backlog: 4096 });
server.on("connection", (ws) => {
    ws.on("message", (data, binary) => ws.send(data, { binary }));
    ws.on("error", () => ws.terminate());
});
