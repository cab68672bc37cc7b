// SPDX-License-Identifier: MPL-2.0
// The page's side of demo/points.tcl (which says what the messages are).
"use strict";

const SIDE = 65535;                            // of the board, in the messages
const board = $("board"), context = board.getContext("2d");
const still = matchMedia("(prefers-reduced-motion: reduce)");
let me = -1;                                   // the number of our point
let from = new Map(), to = new Map();          // id -> [x, y]: the board before, and the latest
let arrived = 0;                               // when that was
let boards = [];                              // [time, messages] of the last two seconds
let wanted = null, sent = 0;                   // where our point is to be; when that was told last

// ---- messages

const send = live("points", (ws) => { boards = []; ws.send("watch"); }, (data) => {
    if (typeof data === "string") { me = Number(data.split(" ")[1]); return; }
    const view = new DataView(data), points = new Map(), now = performance.now();
    for (let i = 4; i + 6 <= view.byteLength; i += 6) points.set(view.getUint16(i), [view.getUint16(i + 2), view.getUint16(i + 4)]);
    from = at(now);
    to = points;
    arrived = now;
    boards.push([now, view.getUint32(0)]);
    while (now - boards[0][0] > 2000) boards.shift();
    tell(points.size, view.byteLength);
    if (still.matches || document.hidden) draw();
}, () => {
    from = new Map();
    to = new Map();
    for (const id of ["points", "bytes", "messages", "boards"]) $(id).textContent = "–";
    board.ariaLabel = "No connection";
    draw();
});
function tell(points, bytes) {
    const [[time, messages], [lastTime, lastMessages]] = [boards[0], boards.at(-1)], seconds = (lastTime - time) / 1000;
    $("points").textContent = points;
    $("bytes").textContent = bytes;
    $("messages").textContent = seconds < 1 ? "…" : Math.round((lastMessages - messages) / seconds).toLocaleString();
    $("boards").textContent = seconds < 1 ? "…" : ((boards.length - 1) / seconds).toFixed(1);
    board.ariaLabel = `${points} moving points`;
}

// ---- the board

// Between two messages each point is on its way.
function at(now) {
    const share = still.matches ? 1 : Math.min(1, (now - arrived) / 100);
    return new Map([...to].map(([id, [x, y]]) => {
        const [fromX, fromY] = from.get(id) ?? [x, y];
        return [id, [fromX + (x - fromX) * share, fromY + (y - fromY) * share]];
    }));
}
function draw() {
    const { width, height } = board, dots = width / board.clientWidth, dark = matchMedia("(prefers-color-scheme: dark)").matches;
    context.clearRect(0, 0, width, height);
    for (const [id, [x, y]] of at(performance.now())) {
        context.beginPath();
        context.arc(x / SIDE * width, y / SIDE * height, 5 * dots, 0, 2 * Math.PI);
        context.fillStyle = `hsl(${id * 137.5 % 360} 65% ${dark ? 65 : 45}%)`;
        context.fill();
        if (id !== me) continue;
        context.beginPath();
        context.arc(x / SIDE * width, y / SIDE * height, 11 * dots, 0, 2 * Math.PI);
        context.strokeStyle = dark ? "#fff" : "#000";
        context.lineWidth = 2 * dots;
        context.stroke();
    }
}
function frame() {
    if (!still.matches) draw();
    const now = performance.now();
    if (wanted && now - sent >= 100 && send(wanted)) [sent, wanted] = [now, null];
    requestAnimationFrame(frame);
}
new ResizeObserver(() => {
    board.width = Math.round(board.clientWidth * devicePixelRatio);
    board.height = Math.round(board.clientHeight * devicePixelRatio);
    draw();
}).observe(board);
board.onpointermove = board.onpointerdown = (event) => {
    const part = (value, size) => Math.round(Math.max(0, Math.min(1, value / size)) * SIDE);
    const view = new DataView(new ArrayBuffer(4));
    view.setUint16(0, part(event.offsetX, board.clientWidth));
    view.setUint16(2, part(event.offsetY, board.clientHeight));
    wanted = view.buffer;
};
frame();
