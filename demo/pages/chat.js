// SPDX-License-Identifier: MPL-2.0
// The page's side of demo/chat.tcl (which says what the messages are).
"use strict";

const MAX_PICTURE = 2_000_000;                 // bytes, as the server has it
const KEEP = 500;                              // entries in the log

let socket = null;                             // the WebSocket, while there is one
let asked = "", room = "";                     // the name and room asked for
let me = "";                                   // the name that the server gave: "Ada 2" when there is an Ada
let wanted = false;                            // is a connection wanted at all?
let attempts = 0, timer = 0;
let expected = null;                           // said about the picture that comes next
let people = new Set();                        // names
let stick = true;                              // the log shows its end, and goes with it
let scrolled = 0;                              // where the log was last

// ---- connection

function connect() {
    clearTimeout(timer);
    if (!wanted || socket) return;
    status("connecting", "connecting …");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const ws = socket = new WebSocket(`${scheme}//${location.host}/ws`);
    ws.binaryType = "blob";
    ws.onopen = () => ws.send(["join", room, asked].join("\n"));
    ws.onmessage = (event) => {
        if (typeof event.data === "string") receive(event.data.split("\n"));
        else if (expected) { picture(expected, event.data); expected = null; }
    };
    ws.onclose = () => {
        if (socket !== ws) return;
        socket = null; expected = null;
        people.clear(); showPeople();
        if (wanted) retry();
    };
}

// 0.5 s, 1 s, 2 s ... 15 s, each a little different, so that not all browsers come back in the same moment.
function retry() {
    const wait = Math.min(15, 0.5 * 2 ** attempts++) * (0.75 + Math.random() / 2);
    status("waiting", `no connection, next try in ${Math.max(1, Math.round(wait))} s`);
    timer = setTimeout(connect, wait * 1000);
}

function disconnect() {
    wanted = false;
    clearTimeout(timer);
    const ws = socket;
    socket = null;
    if (ws) ws.close(1000);
}

addEventListener("online", () => { attempts = 0; connect(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) { attempts = 0; connect(); } });

const ready = () => socket && socket.readyState === WebSocket.OPEN && $("status").dataset.state === "open";

function receive([verb, ...parts]) {
    switch (verb) {
    case "welcome":
        attempts = 0;
        [room, me] = parts;
        $("roomname").textContent = room;
        status("open", location.protocol === "https:" ? "connected, encrypted" : "connected");
        break;
    case "here":
        people = new Set(parts);
        showPeople();
        break;
    case "came": people.add(parts[0]); showPeople(); note(`${parts[0]} came`); break;
    case "left": people.delete(parts[0]); showPeople(); note(`${parts[0]} left`); break;
    case "said": said(parts[0], Number(parts[1]), textBubble(parts.slice(2).join("\n"))); break;
    case "picture": expected = parts; break;
    case "error": note(parts.join(" "), "error"); break;
    }
}

// ---- what is shown

function status(state, text) {
    $("status").dataset.state = state;
    $("statustext").textContent = text;
    $("send").disabled = $("attach").disabled = state !== "open";
}
function face(name) {
    let hash = 0;
    for (const c of name) hash = (hash * 31 + c.codePointAt(0)) >>> 0;
    const f = element("span", `face h${hash % 8}`, [...name][0].toUpperCase());
    f.setAttribute("aria-hidden", "true");
    return f;
}
function showPeople() {
    const names = [...people].sort((a, b) => a.localeCompare(b));
    $("names").replaceChildren(...names.map((name) => {
        const li = element("li", name === me ? "me" : "");
        li.append(face(name), element("span", "", name));
        return li;
    }));
    $("count").textContent = names.length;
}
function add(entry, own) {
    const log = $("log");
    log.append(entry);
    while (log.childElementCount > KEEP) {
        for (const img of log.firstElementChild.querySelectorAll("img")) URL.revokeObjectURL(img.src);
        log.firstElementChild.remove();
    }
    if (stick || own) toEnd(); else $("newer").hidden = false;
}
function toEnd() {
    $("log").scrollTop = $("log").scrollHeight;
    scrolled = $("log").scrollTop;
    $("newer").hidden = stick = true;
}
function note(text, kind = "") { add(element("li", `note ${kind}`, text)); }

function said(name, time, bubble) {
    const entry = element("li", "said");
    const last = $("log").lastElementChild;
    if (name === me) entry.classList.add("own");
    if (last && last.dataset.name === name && time - Number(last.dataset.time) < 120_000) entry.classList.add("again");
    entry.dataset.name = name;
    entry.dataset.time = time;
    const who = element("div", "who");
    const when = element("time", "", new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
    when.dateTime = new Date(time).toISOString();
    who.append(element("b", "", name), when);
    entry.append(face(name), who, bubble);
    add(entry, name === me);
}
const textBubble = (text) => element("div", "bubble", text);

function picture([name, time, type], data) {
    const url = URL.createObjectURL(new Blob([data], { type }));
    const bubble = element("div", "bubble picture");
    const link = element("a");
    const img = element("img");
    img.alt = `Picture from ${name}`;
    img.onload = () => { if (stick) toEnd(); };
    img.onerror = () => bubble.replaceChildren(element("span", "note", "a picture that cannot be shown"));
    img.src = link.href = url;
    link.target = "_blank";
    link.rel = "noopener";
    link.append(img);
    bubble.append(link);
    said(name, Number(time), bubble);
}

// ---- sending

function sendText() {
    const text = $("text").value.trim();
    if (!text || !ready()) return;             // not connected: what was written stays where it is
    socket.send(`say\n${text}`);
    $("text").value = "";
    grow();
}
async function sendPicture(file) {
    if (!file || !ready()) return;
    if (!file.type.startsWith("image/")) return note("That is not a picture.", "error");
    try {
        const data = await fit(file);
        if (ready()) socket.send(data);
    } catch {
        note("This picture cannot be read.", "error");
    }
}
// Pictures that are too large (and types that not every browser shows) are drawn anew, smaller, as JPEG.
async function fit(file) {
    if (file.size <= MAX_PICTURE && ["image/png", "image/jpeg", "image/gif", "image/webp"].includes(file.type)) return file;
    const bitmap = await createImageBitmap(file);
    for (let side = 2048; side >= 256; side /= 2) {
        const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
        const canvas = element("canvas");
        canvas.width = Math.round(bitmap.width * scale);
        canvas.height = Math.round(bitmap.height * scale);
        canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
        const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
        if (blob && blob.size <= MAX_PICTURE) return blob;
    }
    throw new Error("too large");
}
function grow() {
    const text = $("text");
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
}

// ---- the forms

$("compose").onsubmit = (event) => { event.preventDefault(); sendText(); $("text").focus(); };
$("text").oninput = grow;
$("text").onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); sendText(); }
};
$("text").onpaste = (event) => {
    const file = [...event.clipboardData.files].find((f) => f.type.startsWith("image/"));
    if (file) { event.preventDefault(); sendPicture(file); }
};
$("attach").onclick = () => $("file").click();
$("file").onchange = () => { sendPicture($("file").files[0]); $("file").value = ""; };
$("chat").ondragover = (event) => { event.preventDefault(); $("chat").classList.add("dropping"); };
$("chat").ondragleave = () => $("chat").classList.remove("dropping");
$("chat").ondrop = (event) => {
    event.preventDefault();
    $("chat").classList.remove("dropping");
    sendPicture(event.dataTransfer.files[0]);
};
$("newer").onclick = toEnd;
$("log").onscroll = () => {
    const log = $("log");
    // Only who scrolls up wants to stay there: a picture that is still being decoded grows below the end, too.
    if (log.scrollHeight - log.scrollTop - log.clientHeight < 40) $("newer").hidden = stick = true;
    else if (log.scrollTop < scrolled) stick = false;
    scrolled = log.scrollTop;
};
new ResizeObserver(() => { if (stick) toEnd(); }).observe($("log"));
$("peoplebutton").onclick = () => {
    const open = $("people").classList.toggle("open");
    $("peoplebutton").setAttribute("aria-expanded", open);
};
$("leave").onclick = () => {
    disconnect();
    $("log").replaceChildren();
    people.clear();
    showPeople();
    $("chat").hidden = true;
    $("entry").hidden = false;
    document.title = "Chat";
    $("name").focus();
};
$("join").onsubmit = (event) => {
    event.preventDefault();
    asked = $("name").value.trim();
    room = $("room").value.trim();
    if (!asked || !room) return;
    try { localStorage.setItem("chat.name", asked); } catch { /* a private window */ }
    history.replaceState(null, "", `#${encodeURIComponent(room)}`);
    $("roomname").textContent = room;
    document.title = `# ${room}`;
    $("entry").hidden = true;
    $("chat").hidden = false;
    wanted = true;
    attempts = 0;
    connect();
    $("text").focus();
};

// The room is in the address, so that it can be passed on.
try { $("room").value = decodeURIComponent(location.hash.slice(1)) || "lobby"; } catch { $("room").value = "lobby"; }
try { $("name").value = localStorage.getItem("chat.name") || ""; } catch { /* a private window */ }
$("scheme").textContent = location.protocol === "https:" ? "This page talks to the server by wss://" : "This page talks to the server by ws://";
$("name").focus();
