<% ns_adp_bind_args name revision author %><%= [::wiki::html $name $revision] %>
<footer>Revision <%= $revision %> by <%= [ns_quotehtml $author] %>, <%= [ns_fmttime [::wiki::mtime $name] %Y-%m-%d] %>.
<a href="/wiki/edit/<%= [ns_urlencode -part path $name] %>">Edit</a></footer>
