<p>page <% # SECRET %><%= [ns_conn url] %></p>
