<% ns_adp_bind_args message %><box class="error"><p><%= [ns_quotehtml $message] %></p></box>
