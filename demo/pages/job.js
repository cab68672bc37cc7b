// SPDX-License-Identifier: MPL-2.0
// The page's side of demo/job.tcl.
"use strict";

const count = (n) => n.toLocaleString();

$("ask").onclick = async () => {
    const entry = element("li", "", "asked, waits …"), began = performance.now();
    $("answers").prepend(entry);
    while ($("answers").childElementCount > 5) $("answers").lastElementChild.remove();
    const ticking = setInterval(() => { entry.textContent = `waits, ${((performance.now() - began) / 1000).toFixed(1)} s …`; }, 100);
    try {
        const answer = await fetch("job?seconds=3", { cache: "no-store" });
        if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `status ${answer.status}`);
        const { pi, requestThread, jobThread, waited, computed } = await answer.json();
        clearInterval(ticking);
        entry.className = "answered";
        entry.replaceChildren(
            element("p", "", `${count(pi.length - 1)} digits, after ${((performance.now() - began) / 1000).toFixed(1)} s`),
            element("p", "fine soft", `taken by ${requestThread}, ${(waited / 1000).toFixed(1)} s in the queue, computed by ${jobThread} in ${(computed / 1000).toFixed(1)} s`),
            element("p", "digits mono", pi));
    } catch (error) {
        clearInterval(ticking);
        entry.replaceChildren(element("p", "error", `no answer: ${error instanceof TypeError ? "the server is not there" : error.message}`));
    }
};
