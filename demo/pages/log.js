// SPDX-License-Identifier: MPL-2.0
// The page's side of demo/log.tcl: { lines: [...] } at first, then { line } for each, or { error }.
"use strict";

const KEEP = 1000;                             // lines that are shown
let stick = true;                              // the log shows its end, and goes with it
let last = 0;                                  // the number of the latest line
let scrolled = 0;                              // where it was last

function entry({ time, severity, text }) {
    const kind = /^warning/i.test(severity) ? "warning" : /^(error|fatal|bug|security)/i.test(severity) ? "error" : "";
    const li = element("li", kind), when = element("time", "", new Date(time).toLocaleTimeString([], { hour12: false }));
    when.dateTime = new Date(time).toISOString();
    li.append(when, element("span", "severity", severity), element("span", "text", text));
    return li;
}
function toEnd() {
    $("log").scrollTop = $("log").scrollHeight;
    scrolled = $("log").scrollTop;
    $("newer").hidden = stick = true;
}
function added() {
    while ($("log").childElementCount > KEEP) $("log").firstElementChild.remove();
    const count = $("log").childElementCount;
    $("count").textContent = `${count} ${count === 1 ? "line" : "lines"}`;
    if (stick) toEnd(); else $("newer").hidden = false;
}
const send = live("log", () => {}, (data) => {
    const { lines, line, error } = JSON.parse(data);
    if (error) $("error").textContent = error;
    if (lines) {
        last = lines.at(-1)?.number ?? 0;
        $("log").replaceChildren(...lines.map(entry));
        added();
    } else if (line && line.number > last) {
        last = line.number;
        $("log").append(entry(line));
        added();
    }
});

$("write").onsubmit = (event) => {
    event.preventDefault();
    $("error").textContent = "";
    if ($("text").value.trim() && send($("text").value)) $("text").value = "";
};
$("severe").onchange = () => {
    $("log").classList.toggle("severe", $("severe").checked);
    toEnd();
};
$("newer").onclick = toEnd;
$("log").onscroll = () => {
    const log = $("log");
    if (log.scrollHeight - log.scrollTop - log.clientHeight < 20) $("newer").hidden = stick = true;
    else if (log.scrollTop < scrolled) stick = false;
    scrolled = log.scrollTop;
};
new ResizeObserver(() => { if (stick) toEnd(); }).observe($("log"));
