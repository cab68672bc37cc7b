// SPDX-License-Identifier: MPL-2.0
// The film, and what the server says of its channels: demo/video.tcl, channels.tcl.
"use strict";

const video = $("video");

const count = (n) => n.toLocaleString();
const clock = (time) => new Date(time).toLocaleTimeString();

// ---- the film

function span(from, to, className = "") {
    const e = element("span", className);
    e.style.left = `${100 * from / video.duration}%`;
    if (to !== null) e.style.width = `${100 * (to - from) / video.duration}%`;
    return e;
}
function showBuffered() {
    if (!(video.duration > 0)) return;
    const ranges = Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)]);
    const text = ranges.map(([from, to]) => `${from.toFixed(1)} to ${to.toFixed(1)} s`).join(", ");
    $("map").replaceChildren(...ranges.map(([from, to]) => span(from, to)), span(video.currentTime, null, "now"));
    $("buffered").textContent = text ? `buffered: ${text} of ${video.duration.toFixed(1)} s` : "nothing is buffered";
    $("map").ariaLabel = $("buffered").textContent;
}
for (const event of ["progress", "timeupdate", "seeking", "seeked", "loadedmetadata"]) video.addEventListener(event, showBuffered);
video.addEventListener("error", () => { $("buffered").textContent = `the film cannot be played: ${video.error.message}`; });
$("slow").onchange = () => {
    video.src = $("slow").checked ? "media/clock.mp4?slow=1" : "media/clock.mp4";
    video.play();
};
for (const button of document.querySelectorAll(".jump")) {
    button.onclick = () => {
        video.currentTime = video.duration * Number(button.dataset.to);
        video.play();
    };
}
// On a phone the film and its buttons are the page; the tables open when they are wanted.
if (matchMedia("(max-width: 44rem)").matches) for (const details of document.querySelectorAll("details")) details.open = false;

// ---- what the server says, asked once a second while somebody looks

function rows(id, list, cells, none) {
    if (list.length === 0) {
        const empty = element("td", "none", none);
        empty.colSpan = 9;
        const tr = element("tr");
        tr.append(empty);
        $(id).replaceChildren(tr);
        return;
    }
    $(id).replaceChildren(...list.map((item) => {
        const tr = element("tr");
        tr.append(...cells(item).map(([text, className]) => element("td", className, text)));
        return tr;
    }));
}
function show({ channels, stats, recent, jobs }) {
    rows("recent", recent, (r) => [[clock(r.time)], [r.asked, "wide"], [count(r.sent), "number"],
        [r.status === "ok" ? "complete" : `ended: ${r.status}`]], "nothing yet");
    rows("channels", channels, (c) => [[c.name], [c.driver], [c.peer], [c.what || "a WebSocket", "wide"], [count(c.sent), "number"], [count(c.received), "number"]], "none");
    rows("workers", stats.workers, (w) => [[w.name], [count(w.sockets), "number"], [count(w.turns), "number"], [count(w.events), "number"], [count(w.callbacks), "number"],
        [`${(w.busyusec / 1000).toFixed(0)} ms`, "number"], [`${(w.longestusec / 1000).toFixed(1)} ms`, "number"]]);
    const numbers = { opened: stats.opened, closed: stats.closed, aborted: stats.aborted, "given up": stats.sendtimeouts, "writes refused": stats.bufferlimits, "jobs now": jobs };
    $("stats").replaceChildren(...Object.entries(numbers).map(([name, value]) => {
        const div = element("div");
        div.append(element("dt", "", name), element("dd", "", count(value)));
        return div;
    }));
}
function status(state, text) {
    $("status").dataset.state = state;
    $("statustext").textContent = text;
}
// Figures of a server that does not answer are not of this moment: they go.
function showNothing(why) {
    for (const id of ["recent", "channels", "workers"]) rows(id, [], null, why);
    $("stats").replaceChildren();
}
async function look() {
    if (!document.hidden) {
        try {
            const answer = await fetch("channels", { cache: "no-store" });
            $("refused").hidden = answer.status !== 403;
            status("open", "connected");
            if (answer.ok) show(await answer.json());
            else showNothing(answer.status === 503 ? "the server stops" : "not told");
        } catch {
            status("waiting", "no connection, asked again each second");
            showNothing("no connection");
        }
    }
    setTimeout(look, 1000);
}
look();
