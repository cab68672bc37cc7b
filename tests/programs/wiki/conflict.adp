<% ns_adp_bind_args other %><box class="conflict"><p>Somebody else has saved this page meanwhile:</p>
<pre><%= [ns_quotehtml $other] %></pre></box>
