// SPDX-License-Identifier: MPL-2.0
// What the pages share.
"use strict";

const $ = (id) => document.getElementById(id);

// Text only ever by textContent.
function element(tag, className, text) {
    const e = document.createElement(tag);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
}

// A WebSocket that comes back by itself: after 0.5 s, 1 s, 2 s ... 15 s, each a little different, so that not all browsers come
// back in the same moment.  `onlost`: figures that were told are not of this moment any more.  What becomes of it is shown in #status and #statustext.
function live(path, onopen, onmessage, onlost = () => {}) {
    const url = new URL(path, location.href);
    let socket = null, attempts = 0, timer = 0;

    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    function status(state, text) {
        $("statustext").textContent = text;
        $("status").dataset.state = state;
    }
    function connect() {
        clearTimeout(timer);
        if (socket) return;
        status("connecting", "connecting …");
        const ws = socket = new WebSocket(url);
        ws.binaryType = "arraybuffer";
        ws.onopen = () => {
            status("open", url.protocol === "wss:" ? "connected, encrypted" : "connected");
            onopen(ws);
        };
        ws.onmessage = (event) => { attempts = 0; onmessage(event.data); };
        ws.onclose = () => {
            const wait = Math.min(15, 0.5 * 2 ** attempts++) * (0.75 + Math.random() / 2);
            socket = null;
            onlost();
            status("waiting", `no connection, next try in ${Math.max(1, Math.round(wait))} s`);
            timer = setTimeout(connect, wait * 1000);
        };
    }
    addEventListener("online", connect);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) connect(); });
    connect();
    return (data) => {
        if (socket?.readyState !== WebSocket.OPEN) return false;
        socket.send(data);
        return true;
    };
}
