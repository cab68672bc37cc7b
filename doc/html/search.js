// SPDX-License-Identifier: MPL-2.0
// Search in the manual: all words must occur in a name, a section's title or what a page says of itself; names first.
"use strict";
const box = document.getElementById("search"), list = document.getElementById("found");
let chosen = -1;

function rank(name, about, words) {
    let sum = 0;
    for (const word of words) {
        const at = name.toLowerCase().indexOf(word);
        if (at === 0) sum += name.length === word.length ? 0 : 1;
        else if (at > 0) sum += 3;
        else if (about.toLowerCase().includes(word)) sum += 6;
        else return -1;
    }
    return sum + name.length / 1000;
}
function choose(to) {
    const items = list.querySelectorAll("li:not(.none)");
    if (items[chosen]) items[chosen].classList.remove("chosen");
    chosen = items.length ? (to + items.length) % items.length : -1;
    if (items[chosen]) items[chosen].classList.add("chosen");
}
function search() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.hidden = words.length === 0;
    list.textContent = "";
    if (!words.length) return;
    const hits = [];
    for (const [name, where, about] of entries) {
        const value = rank(name, about, words);
        if (value >= 0) hits.push([value, name, where, about]);
    }
    hits.sort((a, b) => a[0] - b[0]);
    const seen = new Set();
    for (const [, name, where, about] of hits) {
        if (seen.has(where) || seen.size >= 12) continue;
        seen.add(where);
        const item = document.createElement("li"), link = document.createElement("a"), small = document.createElement("small");
        link.href = where;
        link.textContent = name;
        small.textContent = about;
        link.append(small);
        item.append(link);
        list.append(item);
    }
    if (!seen.size) {
        const none = document.createElement("li");
        none.className = "none";
        none.textContent = "nothing found";
        list.append(none);
    }
    chosen = -1;
    choose(0);
}
box.addEventListener("input", search);
box.addEventListener("keydown", event => {
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter") { const link = list.querySelector(".chosen a"); if (link) location.href = link.href; }
    else if (event.key === "Escape") { box.value = ""; search(); }
    else return;
    event.preventDefault();
});
document.addEventListener("keydown", event => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) { event.preventDefault(); box.focus(); }
});
