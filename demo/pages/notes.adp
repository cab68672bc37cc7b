<% if {[::notes::add]} { ns_adp_abort } %><!DOCTYPE html>
<!-- SPDX-License-Identifier: MPL-2.0 -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'">
<title>Notes - nsd</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="base.css">
<link rel="stylesheet" href="notes.css">
</head>
<body>
<main class="page">
  <header class="head">
    <a class="back" href="./">← All demonstrations of nsd</a>
    <h1>Notes</h1>
    <p class="about">An ADP page: HTML with Tcl in it, parsed once and compiled once in each thread. It has no JavaScript; the browser sends a form, and is
       led back to the page.</p>
  </header>
  <section class="panel" aria-label="Notes">
    <form method="post" action="notes.adp" class="tools">
      <label class="visually-hidden" for="text">A note</label>
      <input id="text" name="text" maxlength="<%= $::notes::length %>" required autocomplete="off" placeholder="A note for all who look">
      <button class="primary">Leave it here</button>
    </form>
    <ol class="notes">
<%
    foreach note [::notes::all] {
        ns_adp_include note.adp {*}$note
    }
    if {[::notes::all] eq ""} {
        ns_adp_puts {<li class="soft">Nobody has left one yet.</li>}
    }
%>
    </ol>
  </section>

  <footer class="foot"><a href="./">nsd</a>, an application server. The source of this page’s server side: <a href="source/notes.tcl">demo/notes.tcl</a>.</footer>
</main>
</body>
</html>
